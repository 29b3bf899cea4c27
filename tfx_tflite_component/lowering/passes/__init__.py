"""The lowerings, one per file."""
