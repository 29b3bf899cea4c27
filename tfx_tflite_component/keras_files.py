"""Keras models in files."""
