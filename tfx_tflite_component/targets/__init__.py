"""Runs a TFLite model on each target, in a process and an environment of its own."""
