"""Compares models: the only place that judges numbers."""
