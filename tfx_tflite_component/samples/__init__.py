"""Examples, sampled or random, and how to feed them to TensorFlow functions."""
