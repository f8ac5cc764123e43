"""Figures of splines draw the splines."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.report.figures.splines import slope_map, spline_curves
from tests.factories import make_spline_shape
from tests.kvsplice_core.report.figures.gallery import ROWS, texts_of

SHAPE = make_spline_shape(dim=20, knots=6)


def visible(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def identity(dim=4, knots=5):
    line = np.tile(np.linspace(-1, 1, knots, dtype=np.float32), (dim, 1))
    return SplineShape(line, line.copy(), np.ones((dim, knots - 1), dtype=np.float32))


@pytest.mark.parametrize("count", range(1, 17))
def test_each_dimension_has_its_panel(count):
    figure = spline_curves(SHAPE, range(count))
    assert [axes.get_title(loc="left") for axes in visible(figure)] == [
        f"dim {dim}" for dim in range(count)
    ]


def test_curve_passes_through_its_knots_and_goes_on_straight():
    axes = visible(spline_curves(SHAPE, [7]))[0]
    _, curve, knots = axes.get_lines()
    assert knots.get_xdata().tolist() == SHAPE.knots_in[7].tolist()
    assert knots.get_ydata().tolist() == SHAPE.knots_out[7].tolist()
    x, z = curve.get_xdata(), curve.get_ydata()
    assert np.interp(SHAPE.knots_in[7], x, z) == pytest.approx(SHAPE.knots_out[7], rel=1e-5)
    ends = np.diff(z)[[0, -1]] / np.diff(x)[[0, -1]]
    assert ends == pytest.approx(SHAPE.slopes[7, [0, -1]], rel=1e-4)


def test_density_is_drawn_only_where_there_are_rows():
    assert "density" in " ".join(texts_of(spline_curves(SHAPE, [0], ROWS)))
    assert "density" not in " ".join(texts_of(spline_curves(SHAPE, [0])))
    assert len(spline_curves(SHAPE, [0], ROWS).axes) == 2


def test_a_curved_spline_counts_its_knots_and_not_its_pieces():
    pieces = replace(make_spline_shape(dim=3, knots=8 * 5 + 3), pieces=8)  # of 6 knots
    figure = spline_curves(pieces, [0], where="in PCA axes")
    words = " ".join(texts_of(figure))
    assert "6 knots" in words
    assert "Spline shapes, in PCA axes" in words
    assert "value of V" not in words
    assert len(visible(figure)[0].get_lines()[2].get_xdata()) == 6
    said = " ".join(texts_of(slope_map(pieces, where="in PCA axes")))
    assert "8 pieces of each segment between 6 knots" in said
    assert "in PCA axes" in said


@pytest.mark.parametrize(
    ("dims", "words"),
    [
        ([], "1 to 16 dimensions can be drawn; got 0"),
        (range(17), "got 17"),
        ([20], "must lie in 0 … 19; got 20"),
        ([-1], "must lie in 0 … 19; got -1"),
    ],
)
def test_dimensions_that_cannot_be_drawn_are_refused(dims, words):
    with pytest.raises(SpecError, match=words):
        spline_curves(SHAPE, dims)


def test_map_shows_slopes_against_their_mean():
    image = slope_map(SHAPE).axes[0].images[0]
    ratios = 2.0 ** np.asarray(image.get_array())
    assert ratios.shape == SHAPE.slopes.shape
    widths = np.diff(SHAPE.knots_in, axis=1)
    assert (ratios * widths).sum(1) == pytest.approx(widths.sum(1), rel=1e-5)


def test_map_of_the_identity_is_plain_and_scaled():
    figure = slope_map(identity())
    image = figure.axes[0].images[0]
    assert not np.asarray(image.get_array()).any()
    assert image.norm.vmin == -image.norm.vmax < 0
    figure.draw_without_rendering()


def test_a_constant_dimension_can_be_drawn():
    shape = identity()
    shape.knots_in[0] = shape.knots_out[0] = 0.5
    spline_curves(shape, [0, 1], np.full((9, 4), 0.5)).draw_without_rendering()
    figure = slope_map(shape)
    assert np.isfinite(np.asarray(figure.axes[0].images[0].get_array())).all()
