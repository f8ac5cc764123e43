import numpy as np
import pytest

from kvsplice_core.report.palette import SEQUENCE
from kvsplice_gui.plots.shape_curves import dim_colour, dimension_of, drawn_of, value_and_slope
from tests.kvsplice_gui.plots import samples

SHAPE = samples.spline_shape()


def test_value_and_slope_agree_with_the_knots():
    x = float(SHAPE.knots_in[3, 2])
    assert value_and_slope(SHAPE, 3, x)[0] == pytest.approx(float(SHAPE.knots_out[3, 2]), rel=1e-4)
    far = float(SHAPE.knots_in[3, -1]) + 2
    value, slope = value_and_slope(SHAPE, 3, far)
    assert slope == pytest.approx(float(SHAPE.slopes[3, -1]))
    assert value == pytest.approx(float(SHAPE.knots_out[3, -1]) + 2 * slope, rel=1e-4)


@pytest.mark.parametrize("x", np.linspace(-4, 4, 9))
def test_the_drawn_curve_is_the_spline(x):
    (xs, zs), _ = drawn_of(SHAPE, 4)
    inside = float(np.clip(x, xs[0], xs[-1]))
    assert value_and_slope(SHAPE, 4, inside)[0] == pytest.approx(
        float(np.interp(inside, xs, zs)), abs=1e-4
    )


def test_no_shape_has_neither_curve_nor_points():
    assert [len(part) for parts in drawn_of(None, 0) for part in parts] == [0, 0, 0, 0]


def test_the_dimension_is_that_of_the_vectors():
    assert dimension_of(SHAPE) == dimension_of(samples.scatter_shape()) == 12


def test_colours_come_round():
    assert dim_colour(0) == dim_colour(len(SEQUENCE))
    assert dim_colour(0) != dim_colour(1)
