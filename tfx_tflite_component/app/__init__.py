"""Files for the programmers of an app: golden vectors, and the model as a C array."""
