"""The verdict says bad news as plainly as good."""

from __future__ import annotations

import pytest

from kvsplice_core.cache.verdict import verdict_on
from kvsplice_core.tasks.measure import (
    COMPRESSED,
    DENSE,
    FOLDED,
    DecodeCost,
    HeldBytes,
    MemoryPoint,
)

KIB = 1024
DENSE_COST = DecodeCost(DENSE, 0.010, 0.009, 0.011, 100 * KIB, 200 * KIB)
POINT = MemoryPoint(
    64,
    dense=HeldBytes(50 * KIB, 50 * KIB),
    compressed=HeldBytes(50 * KIB, 10 * KIB, side=KIB),
    formula_dense=HeldBytes(50 * KIB, 50 * KIB),
    formula=HeldBytes(50 * KIB, 10 * KIB, side=KIB),
)


def cost(cache, ms, peak_kib=200, spread=0.1):
    seconds = ms / 1e3
    low, high = seconds * (1 - spread), seconds * (1 + spread)
    return DecodeCost(cache, seconds, low, high, 60 * KIB, peak_kib * KIB)


def words(*costs, point=POINT, break_even=3, reason=""):
    return " ".join(verdict_on((point,), break_even, (DENSE_COST, *costs), reason))


@pytest.mark.parametrize(
    ("ms", "says"),
    [
        (17, "is 1.70 times slower than dense (17.0 against 10.0 ms per token)"),
        (5, "is 2.00 times faster than dense (5.00 against 10.0 ms per token)"),
        (10.3, "takes about as long as dense"),
        (11.5, "takes about as long as dense"),  # their turns overlap
    ],
)
def test_time(ms, says):
    assert f"Compressed decoding {says}" in words(cost(COMPRESSED, ms))


@pytest.mark.parametrize(
    ("peak", "says"),
    [
        (150, "falls by 25.0 % (150 KiB against 200 KiB)."),
        (200, "does not fall (200 KiB against 200 KiB): a layer is restored whole"),
        (260, "rises by 30.0 % (260 KiB against 200 KiB): a layer is restored whole"),
    ],
)
def test_peak(peak, says):
    assert says in words(cost(COMPRESSED, 12, peak))


def test_a_folded_peak_restores_nothing():
    assert "restored" not in words(cost(FOLDED, 9, 210))
    assert "Folded decoding" in words(cost(FOLDED, 9, 210))


def test_bytes_and_break_even():
    assert "holds 61.0 KiB instead of 100 KiB; it pays from 3 tokens on" in words()
    assert "it pays only from 900 tokens on" in words(break_even=900)
    assert "never becomes smaller" in words(break_even=None)


def test_a_formula_that_errs_is_told():
    assert "agree to the byte" in words()
    wrong = MemoryPoint(64, POINT.dense, POINT.compressed, POINT.formula_dense, HeldBytes(1, 2))
    assert "differ with the formula" in words(point=wrong)
    assert "codecs hold 1.00 KiB, the formula says 0 B" in words(point=wrong)


def test_why_not_folded():
    assert "cannot be folded: there is a spline." in words(reason="there is a spline")
