"""Colour scales of maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

STEPS = 256


def lookup_table(stops: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the colours between `stops`; shape (256, 3)."""
    channels = np.array([QColor(stop).getRgb()[:3] for stop in stops], dtype=np.float64)
    place = np.linspace(0, len(stops) - 1, STEPS)
    columns = [np.interp(place, np.arange(len(stops)), channel) for channel in channels.T]
    return np.stack(columns, axis=1).round().astype(np.uint8)
