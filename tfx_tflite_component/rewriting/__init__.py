"""The main algorithm: split, convert, verify, and write the files of a model."""
