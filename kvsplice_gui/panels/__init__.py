"""Panels beside the plots: controls, pipeline strip, table and log."""
