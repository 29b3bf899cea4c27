"""The lowerings, one a file."""
