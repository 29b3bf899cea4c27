"""Drives the TFLite converter, and explains its errors."""
