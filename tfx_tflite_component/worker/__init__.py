"""The process that works with TensorFlow, and what its death means."""
