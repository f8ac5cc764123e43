from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_gui.plots.shape_curves import MOST_DIMS, value_and_slope
from kvsplice_gui.plots.spline_plot import SplinePlot
from tests.kvsplice_gui.plots import samples

SHAPE = samples.spline_shape()


@pytest.fixture
def plot(qtbot):
    made = SplinePlot()
    qtbot.addWidget(made)
    made.resize(420, 260)
    made.show_shape(SHAPE, (2, 5))
    made.show()
    return made


def test_the_curve_goes_through_the_knots_and_on(plot):
    x, z = plot._items[0].curve.getData()
    assert x[1:-1] == pytest.approx(SHAPE.knots_in[2])
    assert z[1:-1] == pytest.approx(SHAPE.knots_out[2])
    assert (z[1] - z[0]) / (x[1] - x[0]) == pytest.approx(SHAPE.slopes[2, 0], rel=1e-4)
    assert (z[-1] - z[-2]) / (x[-1] - x[-2]) == pytest.approx(SHAPE.slopes[2, -1], rel=1e-4)


def test_the_knots_are_marked(plot):
    assert plot._items[1].points.getData()[0] == pytest.approx(SHAPE.knots_in[5])


def test_only_the_knots_of_a_curved_spline_are_marked(plot):
    curved = replace(samples.spline_shape(knots=4 * 3 + 3), pieces=4)  # of 4 knots
    plot.show_shape(curved, (5,))
    assert plot._items[0].points.getData()[0] == pytest.approx(curved.knots_in[5, 1:-1:4])
    assert len(plot._items[0].points.getData()[0]) == curved.knots == 4
    assert plot._items[0].curve.getData()[0][1:-1] == pytest.approx(curved.knots_in[5])


def test_behind_curves_in_other_axes_there_is_no_density_of_raw_ones(plot):
    edges = np.tile(np.linspace(-1, 1, 11), (12, 1))
    plot.show_density(edges, np.ones((12, 10)))
    assert plot._density_view.isVisible()
    plot.show_shape(SHAPE, (2,), Axes.WHITENED)
    assert not plot._density_view.isVisible()
    assert plot.header.title.text() == "Transform s(x), in whitened axes"
    plot.show_shape(SHAPE, (2,))
    assert plot._density_view.isVisible()
    assert plot.header.title.text() == "Transform s(x)"


def test_fewer_dims_leave_no_curve_behind(plot):
    plot.show_shape(SHAPE, (2,))
    assert len(plot._items[1].curve.xData) == 0
    assert plot._legend_dims == (2,)


def test_dims_out_of_range_and_too_many_are_left_out(plot):
    plot.show_shape(SHAPE, (-1, 99, *range(12)))
    assert plot._dims == tuple(range(MOST_DIMS))
    plot.show_shape(SHAPE, (99,))
    assert plot.is_empty


def test_the_readout_tells_dim_value_and_slope(plot):
    value, slope = value_and_slope(SHAPE, 5, 0.1)
    reading = plot._reading_at(0.1, value)
    assert reading.text.startswith("dim 5 · x 0.100 → s(x)")
    assert f"slope {three_digits(slope)}" in reading.text
    assert reading.y == pytest.approx(value)


def test_the_density_of_the_shown_dims_is_drawn_once(plot):
    edges = np.linspace(-1, 1, 11)[None].repeat(12, 0) + np.arange(12)[:, None]
    counts = np.random.default_rng(0).random((12, 10))
    plot.show_density(edges, counts)
    x, y = plot._items[0].density.getData()
    assert x == pytest.approx(edges[2])
    assert y == pytest.approx(counts[2])
    plot.show_shape(SHAPE, (7,))
    assert plot._items[0].density.xData == pytest.approx(edges[7])
    plot.show_density(edges + 1, counts)
    assert plot._items[0].density.xData == pytest.approx(edges[7] + 1)


def test_the_ghost_is_drawn_for_the_same_dims(plot):
    ghost = samples.spline_shape(seed=3)
    plot.show_ghost(ghost)
    assert plot._items[1].ghost.getData()[0][1:-1] == pytest.approx(ghost.knots_in[5])
    plot.show_ghost(None)
    assert len(plot._items[1].ghost.xData) == 0


def test_a_mixing_transform_is_drawn_as_a_scatter(plot):
    shape = samples.scatter_shape()
    plot.show_shape(shape, (0, 1))
    x, z = plot._items[1].points.getData()
    assert 0 < len(x) <= 350
    assert z == pytest.approx(np.tanh(x))
    assert len(plot._items[1].curve.xData) == 0
    assert "→" in plot._reading_at(0, 0).text


def test_the_axes_stand_still_while_curves_change_little(plot):
    before = plot.plot.vb.viewRange()
    nearly = SplineShape(SHAPE.knots_in, SHAPE.knots_out * np.float32(0.97), SHAPE.slopes)
    plot.show_shape(nearly, (2, 5))
    assert plot.plot.vb.viewRange() == before
    plot.show_shape(SplineShape(SHAPE.knots_in, SHAPE.knots_out * 9, SHAPE.slopes * 9), (2, 5))
    assert plot.plot.vb.viewRange() != before
