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
    repeats: int,
    unit: str = "ms",
) -> Measure:
    """Time two functions by turns after a warm-up each, and compare their shortest times."""
    scale = {"ms": 1e3, "s": 1.0}[unit]
    times: dict[str, list[float]] = {"ours": [], "reference": []}
    for turn in range(repeats + 1):
        for key, function in (("ours", ours), ("reference", reference)):
            started = time.perf_counter()
            function()
            elapsed = time.perf_counter() - started
            if turn > 0:
                times[key].append(scale * elapsed)
    shortest, plain = min(times["ours"]), min(times["reference"])
    return Measure(name, shortest, plain, plain / shortest, unit)
