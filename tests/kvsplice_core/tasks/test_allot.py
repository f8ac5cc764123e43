"""Bits go where they save most, and all of them are spent."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.tasks.allot import Offer, Unit, allot, allot_evenly, mean_of

FEW = st.integers(1, 4)
GRID = (1.0, 2.0, 3.0, 4.0)


@st.composite
def units(draw, count=FEW, falling=True):
    """Return codecs whose errors fall with the bits, convexly or as they like."""
    found = []
    for _ in range(draw(count)):
        error, ratio = draw(st.floats(1e-3, 10)), draw(st.floats(0.1, 0.9))
        errors = [error * ratio**i for i in range(len(GRID))]
        if not falling:
            errors = [error * draw(st.floats(0.1, 2)) for error in errors]
        offers = tuple(Offer(b, b, e) for b, e in zip(GRID, errors, strict=True))
        cost = draw(st.floats(1e-4, 1))
        found.append(Unit(draw(st.sampled_from((16, 64, 256))), offers, cost, offers[1].error))
    return found


def spent(of, asked):
    return mean_of(of, [unit.bits_at(bits) for unit, bits in zip(of, asked, strict=True)])


def total(of, asked):
    return sum(unit.cost_at(bits) for unit, bits in zip(of, asked, strict=True))


@given(units(falling=False), st.floats(1, 4))
def test_the_budget_is_kept(of, bits):
    asked = allot(of, bits)
    assert spent(of, asked) <= bits + 1e-9
    assert all(1 <= one <= 4 for one in asked)


@given(units(), st.floats(1, 4))
def test_all_bits_are_spent_where_each_saves(of, bits):
    assert spent(of, allot(of, bits)) == pytest.approx(bits)


@given(units(count=st.integers(1, 3)))
def test_no_choice_of_offers_costs_less_at_the_bits_of_a_greedy_step(of):
    """Where a step ends, greedy is optimal (convex falls), as every combination shows."""
    for choice in product(GRID, repeat=len(of)):
        asked = allot(of, spent(of, choice))
        if all(bits in GRID for bits in asked):
            assert total(of, asked) <= total(of, choice) * (1 + 1e-9)


@given(units(), st.floats(1, 4), st.floats(1, 4))
def test_more_bits_cost_no_more(of, one, other):
    fewer, more = (total(of, allot(of, bits)) for bits in sorted((one, other)))
    assert more <= fewer * (1 + 1e-9)


@given(units(), st.sampled_from(GRID))
def test_the_same_for_all_is_the_budget_itself(of, bits):
    assert allot_evenly(of, bits) == (bits,) * len(of)


def test_what_costs_nothing_gets_the_least():
    offers = tuple(Offer(b, b, 4.0**-b) for b in GRID)
    dear, free = Unit(64, offers, 1.0, 0.1), Unit(64, offers, 0.0, 0.1)
    assert allot([dear, free], 2.0) == (3.0, 1.0)


def test_an_offer_that_saves_nothing_is_passed_over():
    errors = (1.0, 1.0, 0.1, 0.09)
    offers = tuple(Offer(b, b, e) for b, e in zip(GRID, errors, strict=True))
    (step, last) = Unit(64, offers, 1.0, 1.0).steps
    assert (step.low.asked, step.high.asked) == (1.0, 3.0)
    assert last.high.asked == 4.0


def test_own_bytes_on_top_count():
    offers = tuple(Offer(b, b + 0.5, 4.0**-b) for b in GRID)
    of = [Unit(64, offers, 1.0, 0.1)] * 2
    assert spent(of, allot(of, 3.0)) == pytest.approx(3.0)
    assert allot_evenly(of, 3.0) == (2.5, 2.5)


@pytest.mark.parametrize("share", [allot, allot_evenly])
def test_less_than_the_least_is_refused(share):
    offers = tuple(Offer(b, b, 4.0**-b) for b in GRID)
    with pytest.raises(SpecError, match=r"at least 1 bits per value here; got 0.5"):
        share([Unit(64, offers, 1.0, 0.1)], 0.5)


def test_a_single_offer_is_all_there_is():
    only = Unit(64, (Offer(2.0, 2.0, 0.0),), 1.0, 0.0)
    assert allot([only], 4.0) == allot_evenly([only], 4.0) == (2.0,)
    assert only.cost_at(3.0) == 0.0
