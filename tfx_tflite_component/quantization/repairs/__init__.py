"""Changes to a float model that keep its outputs, and make it easier to quantize."""
