"""Drives the TFLite converter, and explains what it refuses."""
