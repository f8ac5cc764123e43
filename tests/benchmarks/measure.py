"""One measured comparison, and how to take it."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A number of ours beside its reference.

    Parameters
    ----------
    name : str
        What was measured.
    ours, reference : float
        In `unit`; `reference` is the plain form's time, or the limit to keep.
    ratio : float
        reference / ours: above 1 is better than the reference.
    unit : str
        For example ``ms``.
    """

    name: str
    ours: float
    reference: float
    ratio: float
    unit: str


def compare(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    turns: int,
    burst: int = 1,
    unit: str = "ms",
) -> Measure:
    """Time two functions by turns and compare the shortest time of a call of each.

    A turn is `burst` calls in a row, so that both find their own data in the cache; the first
    turn of each is a warm-up.
    """
    scale = {"ms": 1e3, "s": 1.0}[unit]
    times: dict[str, list[float]] = {"ours": [], "reference": []}
    for turn in range(turns + 1):
        for key, function in (("ours", ours), ("reference", reference)):
            taken = [scale * _elapsed_s(function) for _ in range(burst)]
            if turn > 0:
                times[key] += taken
    shortest, plain = min(times["ours"]), min(times["reference"])
    return Measure(name, shortest, plain, plain / shortest, unit)


def _elapsed_s(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
