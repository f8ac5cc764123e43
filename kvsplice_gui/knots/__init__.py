"""Knots in the hand: what was edited, how it is refitted, and the hand itself."""
