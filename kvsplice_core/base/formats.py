"""Numbers as people read them, on screen, in tables of the command line and in figures.

Three significant digits, true minus signs, no-break units. Files hold plain numbers instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable

MINUS = "\N{MINUS SIGN}"
UNIT_SPACE = "\N{NO-BREAK SPACE}"
GROUP_SPACE = "\N{NARROW NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SMALLEST_PLAIN = 1e-4
_LARGEST_PLAIN = 1e6
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def three_digits(value: float | None) -> str:
    """Write `value` with three significant digits; far from 1 as a power of ten.

    Examples
    --------
    >>> three_digits(0.00131449)
    '0.00131'
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size != 0 and not _SMALLEST_PLAIN <= size < _LARGEST_PLAIN:
        return scientific(value)
    return _signed(_three_plain(size), value < 0)


def scientific(value: float) -> str:
    """Write `value` as a power of ten with three significant digits, for example 8.80×10⁻⁵."""
    if not math.isfinite(value):
        return three_digits(value)
    mantissa, exponent = f"{abs(value):.2e}".split("e")
    return _signed(f"{mantissa}×{power_of_ten(int(exponent))}", value < 0)


def power_of_ten(exponent: int) -> str:
    """Write 10 to the power of `exponent`, for example 10⁻⁵."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def signed(value: float) -> str:
    """Write a difference with three significant digits and its sign; zero has none."""
    return f"{'+' if value > 0 else ''}{three_digits(value)}"


def percent(value: float | None) -> str:
    """Write a change in per cent with its sign: −3.14 %, +0.24 %; zero has none."""
    if value is None or math.isnan(value):
        return MISSING
    size = "∞" if math.isinf(value) else _percent_digits(abs(value))
    if float(size.replace("∞", "inf").replace(GROUP_SPACE, "")) == 0:
        return f"0{UNIT_SPACE}%"
    sign = MINUS if value < 0 else "+"
    return f"{sign}{size}{UNIT_SPACE}%"


def with_interval(
    value: float, low: float, high: float, write: Callable[[float], str] = three_digits
) -> str:
    """Write a number with its interval: −3.14 % [−4.02 %, −2.26 %]."""
    return f"{write(value)} [{write(low)}, {write(high)}]"


def format_bytes(size: float) -> str:
    """Write bytes in binary units with three significant digits: 36.0 MiB."""
    value, unit = float(size), 0
    while abs(value) >= 999.5 and unit < len(_BYTES) - 1:
        value, unit = value / 1024, unit + 1
    number = f"{value:.0f}" if unit == 0 else three_digits(value)
    return f"{number} {_BYTES[unit]}"


def count(number: int) -> str:
    """Write a whole number in groups of three digits: 120 000."""
    grouped = f"{abs(number):,}".replace(",", GROUP_SPACE)
    return _signed(grouped, number < 0)


def duration(seconds: float | None) -> str:
    """Write a time span in s to 10 s with one decimal, then in s, min and s, h and min."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}{UNIT_SPACE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{UNIT_SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{UNIT_SPACE}min {whole % 60:02d}{UNIT_SPACE}s"
    return f"{whole // 3600}{UNIT_SPACE}h {whole % 3600 // 60:02d}{UNIT_SPACE}min"


def with_unit(text: str, unit: str) -> str:
    """Put `unit` behind a written number, never on the next line."""
    return f"{text}{UNIT_SPACE}{unit}"


def _signed(text: str, negative: bool) -> str:
    return f"{MINUS}{text}" if negative else text


def _three_plain(size: float) -> str:
    if size == 0:
        return "0"
    # Rounding first: 0.9996 has the decimals of 1.00, not of 0.xxx.
    rounded = float(f"{size:.2e}")
    decimals = max(0, 2 - math.floor(math.log10(rounded)))
    return f"{rounded:,.{decimals}f}".replace(",", GROUP_SPACE)


def _percent_digits(size: float) -> str:
    # Hundredths of a per cent are below every interval met in practice.
    if size < 9.995:
        return f"{size:.2f}"
    return f"{size:.1f}" if size < 99.95 else f"{size:,.0f}".replace(",", GROUP_SPACE)
