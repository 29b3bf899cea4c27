"""TFX components, one folder each, and artifact types."""
