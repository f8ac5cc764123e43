import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kvsplice_gui.plots.bounds import Bounds, bounds_of

curves = arrays(np.float64, (7, 2), elements=st.floats(-1e6, 1e6))


@given(curves, curves)
def test_every_point_lies_inside(one, other):
    bounds = bounds_of([one.T, other.T])
    points = np.concatenate([one, other])
    assert bounds.left <= points[:, 0].min() <= points[:, 0].max() <= bounds.right
    assert bounds.bottom <= points[:, 1].min() <= points[:, 1].max() <= bounds.top
    assert bounds.left < bounds.right
    assert bounds.bottom < bounds.top


def test_points_that_are_not_finite_do_not_count():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, np.nan, 3.0])
    assert bounds_of([(x, y)]) == Bounds(0, 2, 1, 3)


@pytest.mark.parametrize("curve", [(np.empty(0), np.empty(0)), (np.ones(1), np.full(1, np.nan))])
def test_nothing_has_no_bounds(curve):
    assert bounds_of([curve]) is None
    assert bounds_of([]) is None


def test_holds_what_fits_and_fills():
    room = Bounds(0, 10, 0, 10)
    assert room.holds(room)
    assert room.holds(Bounds(1, 9, 1, 9))
    assert not room.holds(Bounds(1, 11, 1, 9))
    assert not room.holds(Bounds(4, 6, 1, 9))
    assert not room.holds(Bounds(1, 9, 4, 6))
