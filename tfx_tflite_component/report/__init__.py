"""The report of a rewriting: its schema, and what it looks like."""
