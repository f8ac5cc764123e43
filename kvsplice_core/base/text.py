"""Numbers and sizes in words."""

from __future__ import annotations

import math

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_THIN_SPACE = "\u202f"


def format_bytes(size: float) -> str:
    """Return bytes in binary units with three significant digits: ``36.0 MiB``."""
    value, unit = float(size), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    number = f"{value:.0f}" if unit == 0 else _three_digits(value)
    return f"{number} {_UNITS[unit]}"


def _three_digits(value: float) -> str:
    rounded = float(f"{value:.2e}")
    digits = 2 if rounded == 0 else 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, digits)}f}"
