"""Keras models in files: checked, loaded and exported, without running any code of theirs."""
