"""The few cases of a grid that `make test` runs let every pair of values meet."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.selection import cover


def met(cases, strength):
    """Return what meets in some case, `strength` axes at a time."""
    return {found for case in cases for found in combinations(enumerate(case), strength)}


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 2))
def test_all_that_meets_somewhere_meets_in_what_is_kept(sizes, strength):
    cases = list(product(*map(range, sizes)))
    kept = [cases[i] for i in cover(cases, strength)]
    assert met(kept, strength) == met(cases, strength)


@pytest.mark.parametrize(("strength", "most"), [(0, 1), (1, 7), (2, 30)])
def test_few_cases_are_kept(strength, most):
    cases = list(product(range(2), range(2), range(4), range(7)))
    assert len(cover(cases, strength)) <= most


def test_one_axis_keeps_all_its_values():
    assert cover([(0,), (1,), (2,)], 2) == {0, 1, 2}


@pytest.mark.grid
@pytest.mark.parametrize("one", "ab")
@pytest.mark.parametrize("two", "ab")
@pytest.mark.parametrize("three", "abcd")
def test_the_marker_leaves_half_of_this_grid_to_ci(request, one, two, three):
    family = [
        item for item in request.session.items if item.originalname == request.function.__name__
    ]
    if len(family) > 1:  # not where one case was asked for by name
        slow = sum(item.get_closest_marker("slow") is not None for item in family)
        assert slow == len(family) - 8
