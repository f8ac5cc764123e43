"""The frontier is drawn where its numbers are, and answers hand and keys."""

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from kvsplice_core.report.palette import pipeline_style
from kvsplice_gui.look.theme import DARK, LIGHT
from kvsplice_gui.plots.frontier_plot import FrontierPlot
from kvsplice_gui.readouts.frontier import lines_of
from tests.frontier_samples import BOUND, PIPELINES, frontier
from tests.kvsplice_gui.panels.hands import record

RESULT = frontier(of_model=True)
LINES = lines_of(RESULT, "nmse")


@pytest.fixture
def plot(qtbot):
    made = FrontierPlot()
    qtbot.addWidget(made)
    made.resize(520, 320)
    made.show_frontier(LINES, BOUND, "nmse")
    made.show()
    return made


def test_empty_it_says_what_to_do(qtbot):
    plot = FrontierPlot()
    qtbot.addWidget(plot)
    assert plot.is_empty
    assert "Measure frontier" in plot.empty_label.text()


@pytest.mark.parametrize("log", [True, False])
def test_points_stand_at_log2_bits_and_their_error(plot, log):
    plot.set_log(log)
    for line in LINES:
        x, y = plot._items[line.pipeline].points.getData()
        assert x == pytest.approx(np.log2(line.bits))
        assert y == pytest.approx(np.log10(line.value) if log else line.value)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_each_pipeline_has_its_look(plot, theme):
    plot.set_theme(theme)
    for pipeline in PIPELINES:
        style, items = pipeline_style(pipeline), plot._items[pipeline]
        assert items.points.opts["symbol"] == style.symbol
        brush = items.points.opts["brush"]
        is_filled = brush.style() is Qt.BrushStyle.SolidPattern
        assert is_filled is style.filled
        assert not is_filled or brush.color().name() == style.colour.lower()
        assert tuple(items.line.opts["pen"].dashPattern()) == style.dash or not style.dash


def test_all_points_are_in_view_and_the_bound_only_with_nmse(plot):
    (left, right), (bottom, top) = plot.plot.vb.viewRange()
    assert (left < plot._x).all()
    assert (plot._x < right).all()
    assert (bottom < plot._y).all()
    assert (plot._y < top).all()
    assert len(plot._bound_items.line.getData()[0]) == len(BOUND)
    plot.show_frontier(lines_of(RESULT, "kl"), BOUND, "kl")
    assert not plot._bound_items.label.isVisible()
    assert plot._items[PIPELINES[0]].whiskers.isVisible()


def test_costs_of_zero_or_less_stand_below_all_others(plot):
    shown = lines_of(frontier(points=RESULT.points[:3]), "nll")[0]
    below = type(shown)(
        shown.pipeline, shown.points, shown.bits, shown.value * [1, 1, -1], shown.low, shown.high
    )
    plot.show_frontier([below], (), "nll")
    assert np.isfinite(plot._y).all()
    assert plot._y[2] < plot._y[:2].min()


def test_a_click_on_a_point_chooses_it_and_beside_all_nothing(plot):
    chosen = record(plot.point_chosen)
    plot._click_at(plot._x[4], plot._y[4])
    assert chosen == [(plot.points[4],)]
    plot._click_at(plot._x.max(), plot._y.max() + 0.3)
    assert len(chosen) == 1


def test_the_pointer_reads_the_nearest_point(plot):
    hovered = record(plot.point_hovered)
    reading = plot._reading_at(plot._x[7] + 0.01, plot._y[7])
    assert reading.text.startswith(plot.points[7].pipeline.label)
    assert hovered == [(plot.points[7],)]


def test_arrows_walk_along_a_line_and_between_lines(qtbot, plot):
    plot.point_chosen.connect(plot.show_chosen)
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    seen = [plot._chosen]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down):
        qtbot.keyClick(plot, key)
        seen.append(plot._chosen)
    assert [point.pipeline for point in seen] == [*[PIPELINES[0]] * 4, PIPELINES[1]]
    assert seen[1].bits > seen[0].bits
    assert seen[3].bits < seen[2].bits
    assert seen[4].asked_bits == seen[3].asked_bits
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert plot._chosen.asked_bits == max(point.asked_bits for point in plot.points)


def test_every_point_is_reached_by_keys(qtbot, plot):
    plot.point_chosen.connect(plot.show_chosen)
    reached = set()
    for _ in PIPELINES:
        qtbot.keyClick(plot, Qt.Key.Key_Down)
        qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
        for _ in range(3):
            reached.add((plot._chosen.pipeline, plot._chosen.asked_bits))
            qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert len(reached) == len(plot.points)


def test_a_drag_of_the_budget_asks_for_it_and_a_set_does_not(plot):
    asked = record(plot.budget_chosen)
    plot.set_budget(4.0)
    assert asked == []
    plot.budget_line.setPos(1.0)
    plot.budget_line.sigDragged.emit(plot.budget_line)
    assert asked == [(2.0,)]


def test_pipelines_that_went_are_taken_away(plot):
    plot.show_frontier(LINES[:1], BOUND, "nmse")
    assert [p for p, items in plot._items.items() if items.points.isVisible()] == [PIPELINES[0]]
