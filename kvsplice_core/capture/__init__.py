"""Capturing what a model's cache holds while it reads text."""
