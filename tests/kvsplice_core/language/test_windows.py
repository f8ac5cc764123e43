"""The token budget is spread fairly and read in whole windows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.language.windows import spread_budget, windows_of

lengths = st.lists(st.integers(1, 5000), min_size=1, max_size=12)


@given(lengths, st.integers(16, 20_000))
def test_the_whole_budget_is_spread(lengths, budget):
    shares = spread_budget(lengths, budget)
    assert sum(shares) == min(budget, sum(lengths))
    for length, share in zip(lengths, shares, strict=True):
        assert min(length, 16, budget // len(lengths)) <= share <= length


@given(lengths, st.integers(1000, 20_000))
def test_a_longer_document_gets_no_less(lengths, budget):
    pairs = sorted(zip(lengths, spread_budget(lengths, budget), strict=True))
    assert all(one[1] <= two[1] + 1 for one, two in pairwise(pairs))


def test_shares_are_in_proportion():
    shares = spread_budget([1000, 2000, 7000], 1000)
    for share, wished in zip(shares, (100, 200, 700), strict=True):
        assert abs(share - wished) <= 16


def test_a_budget_smaller_than_the_number_of_documents():
    with pytest.raises(SpecError, match="one for each of 17 documents; got 16"):
        spread_budget([100] * 17, 16)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(2, 100))
def test_windows_cover_every_token_once(shares, context):
    windows = windows_of(shares, context)
    rows = [(w.document, at) for w in windows for at in range(w.start, w.stop)]
    assert rows == [(d, at) for d, share in enumerate(shares) for at in range(share)]
    assert all(1 <= w.stop - w.start <= context for w in windows)
    assert [w.row for w in windows] == [
        sum(v.stop - v.start for v in windows[:i]) for i in range(len(windows))
    ]
