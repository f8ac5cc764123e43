"""What is measured by default, and what is refused."""

from __future__ import annotations

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.tasks.measure import HeldBytes, MeasureSpec, MemoryPoint


@pytest.mark.parametrize(
    ("context", "lengths"),
    [
        (1024, (64, 128, 256, 512, 1024)),
        (1000, (64, 128, 256, 512, 1000)),
        (64, (64,)),
        (65, (64, 65)),
        (20, (20,)),
    ],
)
def test_lengths_double_up_to_the_context(context, lengths):
    assert MeasureSpec().lengths(context) == lengths


@pytest.mark.parametrize(("context", "tokens"), [(1024, 512), (131_072, 1024), (20, 10)])
def test_decoding_is_timed_at_half_the_context(context, tokens):
    assert MeasureSpec(steps=4).decode_length(context) == tokens


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tokens": ()}, "must rise"),
        ({"tokens": (0, 4)}, "must rise"),
        ({"tokens": (4, 4)}, "must rise"),
        ({"tokens": (8, 4)}, "must rise"),
        ({"decode_tokens": 0}, "decode tokens must be at least 1; got 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"turns": 0}, "turns must be at least 1"),
        ({"batch": -1}, "batch must be at least 1; got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, words):
    with pytest.raises(SpecError, match=words):
        MeasureSpec(**options)


def test_the_ratio_counts_the_codecs():
    dense, held = HeldBytes(50, 50), HeldBytes(50, 10, side=140)
    assert MemoryPoint(1, dense, held, dense, held).ratio == pytest.approx(0.5)


def test_held_bytes_add_up():
    assert HeldBytes(1, 2, 3, 4).total == 10


@pytest.mark.parametrize(
    ("tokens", "lengths", "before", "steps"),
    [(300, (64, 128, 256, 300), 292, 8), (5, (5,), 1, 4), (1, (1,), 1, 1)],
)
def test_a_given_length_ends_both(tokens, lengths, before, steps):
    spec = MeasureSpec.up_to(tokens, batch=2)
    assert spec.lengths(1024) == lengths
    assert (spec.decode_length(1024), spec.steps, spec.batch) == (before, steps, 2)
    assert MeasureSpec.up_to(None, windowed=True) == MeasureSpec(windowed=True)
