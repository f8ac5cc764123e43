"""The range coder: exact, and no longer than the probabilities say."""

from __future__ import annotations

from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kvsplice_core.codec.quantizers.ranges import PRECISION, Decoder, encode

_WHOLE = 1 << PRECISION


def drawn_ranges(symbols: int, rows: int, skew: float, seed: int) -> tuple[Tensor, Tensor]:
    """Ranges (symbols, rows) of symbols drawn with their own probabilities."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(symbols, 8, generator=generator).pow(skew)
    sizes = 1 + (weights / weights.sum(1, keepdim=True) * (_WHOLE - 8)).long()
    sizes[:, 0] += _WHOLE - sizes.sum(1)
    starts = sizes.cumsum(1) - sizes
    drawn = torch.multinomial(sizes.double(), rows, replacement=True, generator=generator)
    return starts.gather(1, drawn), sizes.gather(1, drawn)


def decoded(stored: Tensor, starts: Tensor, sizes: Tensor) -> bool:
    """Whether every slot lies in the range that was coded, one symbol after the other."""
    decoder, right = Decoder(stored), True
    for start, size in zip(starts, sizes, strict=True):
        slot = decoder.slot
        right &= bool(((slot >= start) & (slot < start + size)).all())
        decoder.take(start, size)
    return right


def information(sizes: Tensor) -> Tensor:
    """Bits (rows,) that the symbols take."""
    return (PRECISION - sizes.double().log2()).sum(0)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 20), st.floats(0.1, 30), st.integers(0, 999))
def test_every_symbol_comes_back_from_its_information_in_whole_bytes(
    symbols: int, rows: int, skew: float, seed: int
) -> None:
    starts, sizes = drawn_ranges(symbols, rows, skew, seed)
    width = max(1, ceil((float(information(sizes).max()) + 0.01) / 8))
    assert decoded(encode(starts, sizes, width), starts, sizes)


def test_long_codes_lose_nothing_to_rounding() -> None:
    starts, sizes = drawn_ranges(2_000, 100, 4.0, 1)
    bits = information(sizes)
    width = ceil(float(bits.median()) / 8)
    fits = bits <= 8 * width - 0.01
    assert 20 < int(fits.sum()) < 80
    stored = encode(starts, sizes, width)
    assert decoded(stored[fits], starts[:, fits], sizes[:, fits])
    assert not decoded(stored[~fits], starts[:, ~fits], sizes[:, ~fits])


@pytest.mark.parametrize("width", [1, 2, 5])
def test_the_first_symbol_of_each_table_takes_no_bytes(width: int) -> None:
    zeros, sizes = torch.zeros(50, 3, dtype=torch.int64), torch.full((50, 3), 100)
    stored = encode(zeros, sizes, width)
    assert not bool(stored.any())
    assert decoded(stored, zeros, sizes)


def test_what_no_encoder_wrote_stays_in_range() -> None:
    decoder = Decoder(torch.full((3, 7), 255, dtype=torch.uint8))
    sizes = torch.tensor([1, 77, 65_535])
    for _ in range(500):
        slot = decoder.slot
        assert bool(((slot >= 0) & (slot < _WHOLE)).all())
        decoder.take((slot - sizes + 1).clamp_min(0), sizes)


def test_no_vectors_take_no_codes() -> None:
    empty = torch.zeros(4, 0, dtype=torch.int64)
    stored = encode(empty, empty, 5)
    assert stored.shape == (0, 5)
    assert Decoder(stored).slot.shape == (0,)
