"""File systems: reading, publishing, and temporary folders."""
