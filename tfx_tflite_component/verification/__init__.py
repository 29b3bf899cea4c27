"""Compares models; the only place that checks numeric results."""
