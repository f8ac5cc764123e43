"""Documents keep their boundaries in any sample, and cuts fall between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.data.documents import boundaries_in, nearest_boundary
from kvsplice_core.data.picking import sample_tokens
from tests.kvsplice_core.data.test_vectors import values_of

spans = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@given(spans, st.integers(1, 200), st.integers(1, 3), st.integers(0, 9))
def test_a_boundary_stands_before_each_document_that_was_sampled(spans, wanted, heads, seed):
    tokens = sample_tokens(sum(spans), wanted, seed)
    starts = tuple(np.cumsum(spans)[:-1].tolist())
    document_of_token = np.repeat(np.arange(len(spans)), spans)[tokens]
    rows = np.repeat(document_of_token, heads)
    changes = np.flatnonzero(np.diff(rows)) + 1
    assert boundaries_in(tokens, starts, heads) == tuple(changes.tolist())


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 100), st.integers(1, 9))
def test_the_nearest_boundary_leaves_both_sides_something(boundaries, wished, least):
    cut = nearest_boundary(boundaries, wished, 100, least)
    fitting = [one for one in boundaries if least <= one <= 100 - least]
    if not fitting:
        assert cut == wished
        return
    assert cut in fitting
    assert abs(cut - wished) == min(abs(one - wished) for one in fitting)


@pytest.mark.parametrize(
    ("boundaries", "cut"),
    [
        ((), 75),
        ((1,), 75),  # a part of one row is none
        ((10,), 10),
        ((40, 90), 90),
        ((10, 20), 20),
        ((10, 20, 60, 70, 90), 70),
    ],
)
def test_the_split_is_between_documents(boundaries, cut):
    from dataclasses import replace

    values = replace(values_of(100), boundaries=boundaries)
    train, test = values.split(0.75)
    assert (len(train), len(test)) == (cut, 100 - cut)
