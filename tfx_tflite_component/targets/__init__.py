"""Runs a TFLite model where it is to run: each target in a process and an environment of its own."""
