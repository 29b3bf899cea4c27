"""Lowerings: each rewrites an op of the tail as builtin ops that compute the same result."""
