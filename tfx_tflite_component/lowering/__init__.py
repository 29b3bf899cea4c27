"""Lowerings: each rewrites an op of the tail into builtin ops that compute the same."""
