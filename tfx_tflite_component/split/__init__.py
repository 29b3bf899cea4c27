"""The serving graph in two parts: a head, which stays behind, and a tail, which converts."""
