"""The same without a pipeline: from Python and from the command line."""
