"""Files for the developers of an app: golden vectors, code snippets, and the model as a C array."""
