"""The compressed cache: what a model reads and writes, what it weighs in closed form."""
