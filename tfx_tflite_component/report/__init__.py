"""The report of a conversion: its schema and its page."""
