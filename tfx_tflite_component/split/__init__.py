"""Splits the serving graph into a head, which stays a SavedModel, and a tail, which converts."""
