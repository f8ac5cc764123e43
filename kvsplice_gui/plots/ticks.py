"""Where the ticks of an axis stand and what they say; pure functions, free of Qt.

A *ticker* takes the two ends of an axis, in the coordinates it is drawn in, and its length in
pixels, and returns (position, label) pairs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

from kvsplice_core.base import formats
from kvsplice_core.base.formats import format_bytes

Tick = tuple[float, str]
Ticker = Callable[[float, float, float], list[Tick]]

_PIXELS_PER_TICK = 56
_MOST_WANTED = 9
_MOST_TICKS = 200
_FEWEST_TICKS = 2
_POINTS_PER_CHARACTER = 7
_BUDGETS = (1, 2, 4, 8, 0.5, 16, 0.25, 3, 2.5)
_BUDGET_GAP = 24


def linear_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks at 1, 2 or 5 times a power of ten."""
    step = _nice_step((high - low) / _wanted(pixels))
    while high > low and len(_multiples(step, low, high)) < _FEWEST_TICKS:
        step = _nice_step(step / 2.5)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(value, _plain(value, decimals)) for value in _multiples(step, low, high)]


def decade_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks of an axis drawn in log10: decades, then 2 and 5 in between, then finer ones."""
    for mantissas in ((1,), (1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        ticks = _log_ticks(low, high, mantissas)
        if len(ticks) >= min(3, _wanted(pixels)):
            return _thinned(ticks, _wanted(pixels))
    values = linear_ticks(10**low, 10**high, pixels)
    return [(math.log10(value), text) for value, text in values if value > 0]


def k_ticks(ks: Sequence[int]) -> Ticker:
    """Return a ticker of an axis drawn in log2, with a tick at each of `ks` that has room."""

    def ticks(low: float, high: float, pixels: float) -> list[Tick]:
        shown: list[Tick] = []
        scale = pixels / max(high - low, 1e-9)
        free = math.inf
        # From the right: the largest k is the one a reader looks for.
        for k in sorted(ks, reverse=True):
            position = math.log2(k)
            half = (len(str(k)) + 1) * _POINTS_PER_CHARACTER / 2
            if low <= position <= high and position * scale + half <= free:
                shown.append((position, str(k)))
                free = position * scale - half
        return shown[::-1]

    return ticks


def bits_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks of an axis of bits per value drawn in log2: the usual budgets that have room."""
    scale = pixels / max(high - low, 1e-9)
    shown: list[Tick] = []
    # Whole budgets first, so that a half one goes where there is no room for both.
    for bits in _BUDGETS:
        position = math.log2(bits)
        apart = all(abs(position - at) * scale >= _BUDGET_GAP for at, _ in shown)
        if low <= position <= high and apart:
            shown.append((position, f"{bits:g}"))
    return sorted(shown)


def bytes_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks at a power of two of bytes, so that they read as whole KiB, MiB and GiB."""
    step = max(1.0, _binary_step((high - low) / _wanted(pixels)))
    return [(value, _whole_bytes(value)) for value in _multiples(step, max(low, 0), high)]


def bytes_log_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks of an axis of bytes drawn in log2."""
    step = max(1, math.ceil((high - low) / _wanted(pixels)))
    return [(value, _whole_bytes(2.0**value)) for value in _multiples(step, low, high)]


def tokens_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks at a power of two of tokens."""
    step = max(1.0, _binary_step((high - low) / _wanted(pixels, 60)))
    return [(value, formats.count(round(value))) for value in _multiples(step, max(low, 0), high)]


def tokens_log_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks of an axis of tokens drawn in log2."""
    step = max(1, math.ceil((high - low) / _wanted(pixels, 60)))
    return [(value, formats.count(2 ** round(value))) for value in _multiples(step, low, high)]


def integer_ticks(low: float, high: float, pixels: float) -> list[Tick]:
    """Ticks at whole numbers."""
    step = max(1.0, _nice_step((high - low) / _wanted(pixels)))
    return [(value, formats.count(round(value))) for value in _multiples(step, low, high)]


def _whole_bytes(value: float) -> str:
    # Ticks are powers of two: decimals would only say .0.
    return re.sub(r"\.0+(?=\D)", "", format_bytes(round(value)))


def _wanted(pixels: float, each: float = _PIXELS_PER_TICK) -> int:
    return min(max(2, int(pixels / each)), _MOST_WANTED)


def _nice_step(rough: float) -> float:
    if not math.isfinite(rough) or rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    factor = next(nice for nice in (1, 2, 5, 10) if nice * power >= rough * (1 - 1e-9))
    return factor * power


def _binary_step(rough: float) -> float:
    if not math.isfinite(rough) or rough <= 0:
        return 1.0
    return float(2.0 ** math.ceil(math.log2(rough)))


def _multiples(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + _MOST_TICKS) + 1)]


def _plain(value: float, decimals: int) -> str:
    text = f"{abs(value):,.{decimals}f}".replace(",", formats.GROUP_SPACE)
    is_negative = value < 0 and float(f"{value:.{decimals}f}") != 0
    return f"{formats.MINUS}{text}" if is_negative else text


def _log_ticks(low: float, high: float, mantissas: Iterable[int]) -> list[Tick]:
    decades = range(math.floor(low), math.ceil(high) + 1)
    values = [(decade, mantissa) for decade in decades for mantissa in mantissas]
    placed = [(decade + math.log10(mantissa), mantissa, decade) for decade, mantissa in values]
    return [(at, _short(size, decade)) for at, size, decade in placed if low <= at <= high]


def _short(mantissa: int, decade: int) -> str:
    if -4 <= decade <= 3:
        return f"{mantissa * 10.0**decade:.{max(0, -decade)}f}"
    power = formats.power_of_ten(decade)
    return power if mantissa == 1 else f"{mantissa}×{power}"


def _thinned(ticks: list[Tick], wanted: int) -> list[Tick]:
    every = max(1, math.ceil(len(ticks) / (wanted + 1)))
    return ticks[::every]
