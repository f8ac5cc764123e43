"""Colours, type, formats and small widgets that everything shares."""
