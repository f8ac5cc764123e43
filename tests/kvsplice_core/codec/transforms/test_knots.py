"""Knots lie where they are asked to lie, and learnt ones always increase."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.transforms.knots import Knots, quantile_knots, uniform_knots
from tests.kvsplice_core.makers import bent_rows


@given(knots=st.integers(3, 64), seed=st.integers(0, 99))
def test_uniform_knots_are_even_from_the_least_to_the_greatest_value(knots, seed):
    rows = bent_rows(50, 3, seed)
    found = uniform_knots(rows, knots)
    torch.testing.assert_close(found[0], rows.amin(0))
    torch.testing.assert_close(found[-1], rows.amax(0))
    widths = found.diff(dim=0)
    torch.testing.assert_close(widths, widths.mean(0).expand_as(widths), rtol=1e-3, atol=1e-5)


@given(knots=st.integers(3, 32), noise=st.sampled_from([0.5, 3.0]), seed=st.integers(0, 99))
def test_learnt_knots_increase_and_keep_their_ends(knots, noise, seed):
    rows = bent_rows(50, 3, seed).double()
    learnt = Knots(quantile_knots(rows, knots), learnt=True)
    (raw,) = learnt.parameters()
    with torch.no_grad():
        raw.add_(torch.randn(raw.shape, generator=torch.Generator().manual_seed(seed)) * noise)
    found = learnt.build()
    assert bool((found.diff(dim=0) > 0).all())
    torch.testing.assert_close(found[0], rows.amin(0))
    torch.testing.assert_close(found[-1], rows.amax(0))


def test_learnt_knots_start_at_the_quantiles():
    start = quantile_knots(bent_rows(200, 3).double(), 8)
    torch.testing.assert_close(Knots(start, learnt=True).build(), start)


def test_learnt_knots_part_ties():
    start = torch.tensor([[0.0], [1.0], [1.0], [2.0]])
    assert bool((Knots(start, learnt=True).build().diff(dim=0) > 0).all())


def test_fixed_knots_have_nothing_to_learn():
    knots = Knots(torch.zeros(4, 2))
    assert knots.parameters() == ()
    assert torch.equal(knots.build(), torch.zeros(4, 2))


@pytest.mark.parametrize("values", [[5.0, 5.0, 5.0]])
def test_learnt_knots_of_a_constant_dimension_stay_there(values):
    knots = Knots(torch.tensor(values)[:, None], learnt=True)
    assert knots.build().flatten().tolist() == values
