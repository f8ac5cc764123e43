"""The legend names every line, and a click asks for one."""

import math

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor

from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES
from kvsplice_core.report.palette import pipeline_style
from kvsplice_gui.look.theme import LIGHT
from kvsplice_gui.plots.frontier_legend import FrontierLegend, short_label, swatch_icon
from tests.kvsplice_gui.panels.hands import record

_BLEND = 80  # thin outlines are blended with the ground


@pytest.fixture
def legend(qtbot):
    made = FrontierLegend()
    qtbot.addWidget(made)
    made.show_pipelines(DEFAULT_PIPELINES, None)
    made.resize(220, 180)
    made.show()
    return made


def test_all_usual_pipelines_fit_the_height_of_a_small_window(legend):
    last = 8 + legend._row_height() * len(DEFAULT_PIPELINES)
    assert last <= legend.height()


@pytest.mark.parametrize("place", [0, 5, 10])
def test_a_click_asks_for_the_pipeline_of_the_row(qtbot, legend, place):
    asked = record(legend.pipeline_clicked)
    y = 8 + legend._row_height() * place + 4
    qtbot.mouseClick(legend, Qt.MouseButton.LeftButton, pos=QPoint(60, y))
    assert asked == [(DEFAULT_PIPELINES[place],)]


def test_no_row_is_asked_for_below_the_last(legend):
    assert legend.pipeline_at(legend.height() + 100) is None


def test_short_labels_still_tell_pipelines_apart():
    assert len({short_label(one) for one in DEFAULT_PIPELINES}) == len(DEFAULT_PIPELINES)


@pytest.mark.parametrize("pipeline", DEFAULT_PIPELINES)
def test_a_swatch_is_drawn_in_the_colour(qtbot, pipeline):
    image = swatch_icon(pipeline, LIGHT).pixmap(28, 14).toImage()
    wanted = QColor(pipeline_style(pipeline).colour).getRgb()[:3]
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    found = [pixel.getRgb()[:3] for pixel in pixels if pixel.alpha() == 255]
    assert min(math.dist(rgb, wanted) for rgb in found) < _BLEND
