"""A budget shared among the heads of a model, in the window."""
