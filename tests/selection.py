"""Which tests `make test` runs, which it leaves to CI, and which CI repeats elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
NUMERIC = tuple(ROOT / "kvsplice_core" / room for room in ("codec", "fit", "cache", "proof"))
"""Their results hang on the last bits of the arithmetic, so another processor may differ."""

Tuples = frozenset[tuple[tuple[int, int], ...]]


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the numeric tests, and as slow the cases of a grid that others stand for."""
    grids = defaultdict(list)
    for item in items:
        if any(room in item.path.parents for room in NUMERIC):
            item.add_marker("numeric")
        if item.get_closest_marker("grid"):
            grids[item.path, getattr(item, "originalname", item.name)].append(item)
    for cases in grids.values():
        _mark_grid([case for case in cases if not case.get_closest_marker("slow")])


def _mark_grid(items: Sequence[pytest.Item]) -> None:
    if not items:
        return
    strength = items[0].get_closest_marker("grid").kwargs.get("strength", 2)
    # The cases of a grid share their values, so that two are alike where they are the same object.
    kept = cover([tuple(map(id, item.callspec.params.values())) for item in items], strength)
    for number, item in enumerate(items):
        if number not in kept:
            item.add_marker("slow")


def cover(cases: Sequence[tuple[int, ...]], strength: int) -> frozenset[int]:
    """Return the numbers of few cases in which all values meet that meet in any case.

    Parameters
    ----------
    cases
        One value of each axis.
    strength
        How many axes are looked at together: with 2 every pair of values that occurs is kept in
        some case, with 1 every single value, and with 0 the first case alone stands for all.
    """
    if strength == 0:
        return frozenset({0})
    tuples = [_tuples(case, strength) for case in cases]
    missing = frozenset[tuple[tuple[int, int], ...]]().union(*tuples)
    kept: list[int] = []
    while missing:
        best = max(range(len(cases)), key=lambda i: (len(tuples[i] & missing), -i))
        kept.append(best)
        missing -= tuples[best]
    return frozenset(kept)


def _tuples(case: tuple[int, ...], strength: int) -> Tuples:
    return frozenset(combinations(enumerate(case), min(strength, len(case))))
