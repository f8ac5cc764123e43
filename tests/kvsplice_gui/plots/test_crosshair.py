import numpy as np
import pyqtgraph as pg
import pytest

from kvsplice_gui.plots.crosshair import Crosshair, Reading, Series, log10_or_nan, nearest


def series(name, x, y):
    return Series(np.array(x, float), np.array(y, float), lambda index: f"{name}{index}")


def test_the_nearest_point_on_screen_is_read():
    both = [series("a", [0, 10], [0, 0]), series("b", [0, 10], [1, 1])]
    assert nearest(both, 9, 0.9, (1, 1)) == Reading(10, 1, "b1")


def test_distance_is_in_pixels():
    both = [series("a", [0], [0]), series("b", [10], [0.5])]
    assert nearest(both, 6, 0, (1, 0.01)).text == "a0"
    assert nearest(both, 6, 0, (1, 1)).text == "b0"


def test_points_that_are_not_finite_are_passed_over():
    one = series("a", [0, 5], [np.nan, 3])
    assert nearest([one], 0, 0, (1, 1)).text == "a1"
    assert nearest([series("a", [0], [np.nan])], 0, 0, (1, 1)) is None
    assert nearest([series("a", [], [])], 0, 0, (1, 1)) is None


def test_log10_of_what_has_none_is_nan_without_a_warning():
    assert log10_or_nan([100, 0, -1]) == pytest.approx([2, np.nan, np.nan], nan_ok=True)


def test_it_shows_and_hides(qtbot):
    view = pg.PlotWidget()
    qtbot.addWidget(view)
    crosshair = Crosshair(view.getPlotItem())
    assert not crosshair.is_visible
    crosshair.show(Reading(2, 3, ""))
    assert crosshair.is_visible
    crosshair.hide()
    assert not crosshair.is_visible
