"""What TFX sees: one folder a component, and the artifact types."""
