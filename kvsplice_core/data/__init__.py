"""Vectors, captures and shapes of models, as files hold them."""
