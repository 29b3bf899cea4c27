"""Examples to work with: sampled or random, and fed to TensorFlow functions."""
