from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt

from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_gui.plots.slope_map import SlopeMap
from tests.kvsplice_gui.plots import samples

SHAPE = samples.spline_shape()


@pytest.fixture
def plot(qtbot):
    made = SlopeMap()
    qtbot.addWidget(made)
    made.resize(420, 260)
    made.show_shape(SHAPE, (2, 5))
    made.show()
    return made


def with_slopes(slopes):
    return SplineShape(SHAPE.knots_in, SHAPE.knots_out, np.asarray(slopes, dtype=np.float32))


def test_the_image_is_log2_of_the_slopes_centred_at_1(plot):
    assert plot._image.image == pytest.approx(np.log2(SHAPE.slopes), abs=1e-5)
    low, high = plot._image.getLevels()
    assert low == -high


def test_the_scale_grows_with_the_slopes_and_is_told(plot):
    plot.show_shape(with_slopes(np.full((12, 5), 1.01)), ())
    assert plot._image.getLevels()[1] == 0.25
    plot.show_shape(with_slopes(np.full((12, 5), 16)), ())
    assert plot._image.getLevels()[1] == 4
    bottom, top = plot._bar.view.viewRange()[1]
    assert bottom < -4
    assert top > 4
    labels = dict(plot._bar.axis.tickValues(-4, 4, 200) and plot._bar.axis._labels)
    assert labels[0.0] == "1"
    assert labels[2.0] == "4"


def test_pieces_of_a_curved_spline_are_named_by_segment_and_piece(plot):
    curved = replace(samples.spline_shape(knots=4 * 3 + 3), pieces=4)  # of 4 knots
    plot.show_shape(curved, (2,), Axes.PCA)
    assert plot.header.title.text() == "Slopes ds/dx, in PCA axes, 4 pieces a segment"
    told = [plot._reading_at(0, row).text.split(" · ")[1] for row in (1, 2, 5, 6, 13, 14)]
    assert told == [
        "below the first knot",
        "segment 1 of 3, piece 1 of 4",
        "segment 1 of 3, piece 4 of 4",
        "segment 2 of 3, piece 1 of 4",
        "segment 3 of 3, piece 4 of 4",
        "above the last knot",
    ]
    plot.show_shape(SHAPE, (2,))
    assert plot.header.title.text() == "Slopes ds/dx"
    assert "segment 1 of 5 ·" in plot._reading_at(0, 1).text


def test_slopes_of_zero_do_not_warn(plot):
    plot.show_shape(with_slopes(np.zeros((12, 5))), ())
    assert np.isfinite(plot._image.image).all()


def test_the_chosen_dims_are_marked(plot):
    assert list(plot._marks.getData()[0]) == [2, 5]
    plot.show_shape(SHAPE, (99, 3))
    assert list(plot._marks.getData()[0]) == [3]


def test_a_transform_without_slopes_shows_the_sentence(plot):
    plot.show_shape(samples.scatter_shape(), (0,))
    assert plot.is_empty


def test_the_readout_tells_dim_segment_and_slope(plot):
    text = plot._reading_at(5.2, 3.3).text
    assert text.startswith("dim 5 · segment 3 of 5 · slope ")
    assert f"{SHAPE.slopes[5, 2]:.3g}"[:4] in text


@pytest.mark.parametrize(("x", "y"), [(-1, 2), (12, 2), (3, 0.2), (3, 6)])
def test_beside_the_map_nothing_is_read(plot, x, y):
    assert plot._reading_at(x, y) is None


def test_a_click_chooses_a_dimension(plot, qtbot):
    position = plot.view.mapFromScene(plot.plot.vb.mapViewToScene(QPointF(7.0, 2.0)))
    with qtbot.waitSignal(plot.dim_chosen, timeout=1000) as caught:
        qtbot.mouseClick(plot.view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert caught.args == [7]


def test_arrows_walk_and_return_chooses(plot, qtbot):
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert plot.header.readout.text().startswith("dim 9 ")
    with qtbot.waitSignal(plot.dim_chosen, timeout=1000) as caught:
        qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert caught.args == [9]


def test_keys_without_a_map_choose_nothing(qtbot):
    plot = SlopeMap()
    qtbot.addWidget(plot)
    with qtbot.assertNotEmitted(plot.dim_chosen):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
        qtbot.keyClick(plot, Qt.Key.Key_Return)
