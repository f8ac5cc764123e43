"""The range coder: exact, and as short as the probabilities say."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kvsplice_core.quantizers.rans import PRECISION, Decoder, encode

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


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 20), st.floats(0.1, 30), st.integers(0, 999))
def test_every_symbol_comes_back(symbols: int, rows: int, skew: float, seed: int) -> None:
    starts, sizes = drawn_ranges(symbols, rows, skew, seed)
    stored, fits = encode(starts, sizes, 2 * symbols + 4)
    assert bool(fits.all())
    assert decoded(stored, starts, sizes)


def test_codes_are_as_long_as_their_information() -> None:
    starts, sizes = drawn_ranges(2_000, 100, 4.0, 1)
    stored, fits = encode(starts, sizes, 1_000)
    assert bool(fits.all())
    ideal = (PRECISION - sizes.double().log2()).sum(0)
    real = 8.0 * (1_000 - (stored != 0).byte().argmax(1))
    assert 1 <= float(real.mean()) / float(ideal.mean()) < 1.01


def test_what_fits_is_told_and_still_comes_back() -> None:
    starts, sizes = drawn_ranges(40, 500, 2.0, 2)
    roomy, _ = encode(starts, sizes, 90)
    needed = 90 - (roomy != 0).byte().argmax(1)
    width = int(needed.median())
    stored, fits = encode(starts, sizes, width)
    assert torch.equal(fits, needed <= width)
    assert decoded(stored[fits], starts[:, fits], sizes[:, fits])


def test_the_first_symbol_of_each_table_takes_no_bytes() -> None:
    zeros, sizes = torch.zeros(50, 3, dtype=torch.int64), torch.full((50, 3), 100)
    stored, fits = encode(zeros, sizes, 1)
    assert bool(fits.all())
    assert not bool(stored.any())
    assert decoded(stored, zeros, sizes)
