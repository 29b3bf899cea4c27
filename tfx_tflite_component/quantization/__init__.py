"""Quantization: calibration, and checks that the model was quantized as configured."""
