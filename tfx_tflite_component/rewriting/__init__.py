"""The heart: split, convert, verify, and publish what belongs together."""
