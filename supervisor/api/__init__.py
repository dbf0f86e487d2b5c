"""The HTTP API: who may ask, what is answered, and in which shapes."""
