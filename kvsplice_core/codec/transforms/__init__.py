"""Bijections in front of the projection, one per file."""
