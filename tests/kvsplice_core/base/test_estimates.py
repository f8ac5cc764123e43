"""Draws are those of a bootstrap, and an interval says what it holds."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.estimates import (
    NO_CHANGE,
    Change,
    Estimate,
    Judgement,
    Verdict,
    bootstrap_draws,
    interval,
)

numbers = st.floats(-1e6, 1e6)


@given(st.integers(1, 40), st.integers(0, 2**31 - 1))
def test_every_draw_is_as_large_as_what_it_is_of(units, seed):
    draws = bootstrap_draws(units, seed)
    assert draws.shape == (2_000, units)
    assert (draws.sum(1) == units).all()
    assert (draws == bootstrap_draws(units, seed)).all()


def test_every_unit_is_drawn_as_often_as_the_others():
    draws = bootstrap_draws(10, 0)
    assert draws.mean(0) == pytest.approx(np.ones(10), abs=0.1)
    assert draws.std(0) == pytest.approx(np.full(10, 0.9**0.5), abs=0.1)


def test_an_interval_leaves_a_fortieth_out_at_either_end():
    assert interval(np.arange(1001.0)) == (25.0, 975.0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-2, -1, "gain"), (1, 2, "loss"), (-1, 1, "tie"), (0, 1, "tie"), (-1, 0, "tie")],
)
def test_an_interval_that_holds_0_is_a_tie(low, high, verdict):
    assert Estimate((low + high) / 2, low, high).verdict is Verdict(verdict)


@given(ends=st.tuples(numbers, numbers, numbers).map(sorted))
def test_a_judgement_is_a_gain_where_its_change_lies_below_0(ends):
    low, value, high = ends
    change = Change(value, low, high)
    assert Judgement(1.0, 2.0, change).is_gain == (high < 0)
    assert not Judgement(1.0, 2.0, NO_CHANGE).is_gain


@given(ends=st.tuples(numbers, numbers, numbers).map(sorted))
def test_a_change_comes_back_from_json_under_its_names(ends):
    low, value, high = ends
    change = Change(value, low, high)
    entry = json.loads(json.dumps(change.as_dict()))
    assert entry.keys() == {"percent", "low", "high"}
    assert Change.of(entry) == change
    assert change.percent == change.value == value
