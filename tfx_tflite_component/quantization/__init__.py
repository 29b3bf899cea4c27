"""Quantization: what to calibrate with, and whether the result is what was asked for."""
