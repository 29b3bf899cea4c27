"""The protobuf code that is made from the top-level `proto/`."""
