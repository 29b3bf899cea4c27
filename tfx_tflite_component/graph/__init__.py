"""A SavedModel's signature as one flat graph."""
