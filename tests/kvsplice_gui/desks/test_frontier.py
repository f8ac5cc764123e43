"""The frontier in the real window: with results made of numbers, and measured for once."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.base.progress import Step
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_gui.desks.frontier import FRONTIER
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.work.busy import IDLE, Busy
from tests import frontier_samples as samples
from tests import quality_samples
from tests.kvsplice_gui.panels.hands import type_line

WAIT_MS = 120_000
BUSY = Busy(FRONTIER.key, FRONTIER.verb)


@pytest.fixture
def loaded(qtbot, window, small_file):
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(small_file)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    return window


@pytest.fixture
def measured(loaded):
    show(loaded, samples.frontier())
    return loaded


def show(window, result):
    key = frontier_readouts.key_of(window.state.wishes, window.state.findings)
    window.state.find_frontier(result=result, key=key)


def test_without_data_there_is_nothing_to_measure(window):
    assert not window.views.frontier_panel.measure_button.isEnabled()
    assert window.views.frontier.is_empty
    assert window.views.frontier_table.is_empty
    assert not window.menus.named("Measure frontier").isEnabled()


def test_findings_show_in_plot_table_legend_and_words(measured):
    views = measured.views
    assert len(views.frontier.points) == len(views.frontier_table.model.records)
    assert views.frontier_view.legend._pipelines == samples.PIPELINES
    assert views.frontier_view.best.text().startswith("Best at ≤ 2.5 bits: heads joined")
    assert "1 point left out" in views.frontier_view.left_out.text()
    for name in ("Points as CSV", "Copy frontier as command", "Frontier as a figure"):
        assert measured.menus.named(name).isEnabled()


def test_a_chosen_point_is_chosen_everywhere(measured):
    views, state = measured.views, measured.state
    point = state.findings.frontier.result.point(Pipeline.of("spline"), 4.0)
    views.frontier.point_chosen.emit(point)
    assert (state.wishes.method, state.wishes.k) == (Method.SPLINE, min(point.k, 6))
    assert state.wishes.frontier.budget == 4.0
    row = views.frontier_table.view.currentIndex()
    assert views.frontier_table.point_at(row) is point
    assert views.frontier_view.verdict.text().startswith("Spline→PCA at 4.01 bits is a gain")
    assert views.strip.buttons["quantizer"].isVisible()
    assert views.strip.buttons["restored"].number.startswith("NMSE ")


def test_a_row_chosen_in_the_table_is_chosen_in_the_plot(measured):
    point = measured.state.findings.frontier.result.points[3]
    measured.views.frontier_table.record_chosen.emit(point)
    assert measured.views.frontier._chosen is point
    assert list(measured.views.frontier._ring.getData()[0])


def test_another_method_by_hand_lets_the_point_go(measured):
    point = measured.state.findings.frontier.result.point(Pipeline.of("spline"), 4.0)
    measured.frontier.choose(point)
    measured.state.wish(method=Method.PCA)
    assert measured.state.findings.frontier.chosen is None
    assert not measured.views.strip.buttons["quantizer"].isVisible()
    assert measured.views.frontier_view.verdict.text() == ""


def test_calibrating_lets_the_point_go(measured, qtbot):
    point = measured.state.findings.frontier.result.point(Pipeline.of("spline"), 4.0)
    measured.frontier.choose(point)
    measured.controller.calibrate()
    assert measured.state.findings.frontier.chosen is None
    measured.controller.cancel()
    qtbot.waitUntil(lambda: not measured.controller.busy, timeout=WAIT_MS)


def test_a_row_that_is_hovered_is_hovered_in_the_plot_and_back(measured):
    views = measured.views
    point = measured.state.findings.frontier.result.points[5]
    views.frontier_table.point_hovered.emit(point)
    assert views.frontier.crosshair.is_visible
    assert point.pipeline.label in views.frontier.header.readout.text()
    views.frontier_table.point_hovered.emit(None)
    assert not views.frontier.crosshair.is_visible
    views.frontier.point_hovered.emit(point)
    assert views.frontier_table._rows.hovered is point


def test_the_budget_moves_line_slider_and_sentence(measured):
    views = measured.views
    views.frontier_view.slider.setValue(60)
    assert measured.state.wishes.frontier.budget == 8.0
    assert views.frontier.budget_line.value() == 3.0
    assert views.frontier_view.best.text().startswith("Best at ≤ 8 bits")


def test_other_vectors_make_it_stale_and_back(measured):
    heads, budget = measured.views.frontier, measured.state.wishes.data.budget
    measured.state.find_frontier(key=replace(measured.state.findings.frontier.key, seed=99))
    assert heads._is_stale
    assert "measure again" in measured.views.frontier_view.notice.text()
    show(measured, samples.frontier())
    assert not heads._is_stale
    assert measured.state.wishes.data.budget == budget


def test_a_model_that_was_measured_brings_its_measures(measured):
    panel = measured.views.frontier_panel
    assert [panel.measure.itemText(i) for i in range(panel.measure.count())] == ["NMSE"]
    show(measured, samples.frontier(of_model=True))
    assert panel.measure.count() == len(MEASURES)
    measured.state.wish_frontier(measure="nll")
    assert measured.views.frontier.header.title.text() == "ΔNLL at equal bytes"
    assert panel.measure.currentData() == "nll"


def test_a_failed_audit_is_banner_crosses_and_an_empty_table(measured):
    show(measured, samples.frontier(audit=quality_samples.FAILED))
    plot = measured.views.frontier
    assert measured.views.frontier_view.notice.property("role") == "error"
    assert {items.points.opts["symbol"] for items in plot._items.values()} == {"x"}
    assert measured.views.frontier_table.is_empty
    assert measured.views.frontier_view.best.text() == ""


def test_steps_show_what_was_measured_so_far_and_cancelling_keeps_it(measured):
    state = measured.state
    key = replace(state.findings.frontier.key, seed=6)
    measured.controller._set_busy(BUSY)
    state.find_frontier(live_key=key)
    part = samples.frontier(points=samples.frontier().points[:2])
    measured.frontier.on_stepped(Step("PCA", 0.2, part))
    assert len(measured.views.frontier.points) == 2
    measured.controller._set_busy(replace(BUSY, is_cancelling=True))
    assert state.findings.frontier.live is part
    measured.controller._set_busy(IDLE)
    assert state.findings.frontier.result is part
    assert "Cancelled" in measured.views.frontier_view.notice.text()


def test_a_wrong_wish_is_said_beside_the_field(qtbot, measured):
    panel, before = measured.views.frontier_panel, measured.state.wishes.frontier
    type_line(qtbot, panel.bits, "17")
    assert panel.problem.text().startswith("Bits per value must be above 0")
    assert measured.state.wishes.frontier == before
    assert panel.bits.text() == "1, 2, 2.5, 3, 3.5, 4, 8"


def test_points_are_taken_away(measured, monkeypatch, tmp_path):
    for name, action in (("f.csv", "export_csv"), ("f.json", "export_json")):
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, p=path: (str(p), ""))
        getattr(measured.frontier, action)()
    assert (tmp_path / "f.csv").read_text().startswith("pipeline,bits,nmse,")
    assert json.loads((tmp_path / "f.json").read_text())["valid"] is True


def test_a_stage_of_a_chosen_point_opens_the_frontiers_options(qtbot, measured):
    measured.frontier.choose(measured.state.findings.frontier.result.points[3])
    qtbot.mouseClick(measured.views.strip.buttons["axes"], Qt.MouseButton.LeftButton)
    assert measured.views.frontier_panel.isAncestorOf(measured.focusWidget())


def test_measured_for_once_and_repeated(qtbot, loaded, monkeypatch, tmp_path):
    loaded.state.wish_frontier(pipelines=("pca", "joined+lloyd-max"), bits=(4.0, 8.0))
    loaded.views.frontier_panel.measure_button.click()
    qtbot.waitUntil(lambda: not loaded.controller.busy, timeout=WAIT_MS)
    result = loaded.state.findings.frontier.result
    assert result.title == "small.npy · 2 heads"
    assert {p.pipeline.key for p in result.points} >= {"pca", "joined+lloyd-max"}
    assert loaded.views.frontier.isVisible()
    assert not frontier_readouts.is_stale(loaded.state.wishes, loaded.state.findings)
    assert_repeated(loaded, monkeypatch, tmp_path)


@pytest.mark.slow
def test_measured_through_a_model_and_repeated(qtbot, window, model_capture, monkeypatch, tmp_path):
    capture, texts = model_capture
    window.state.wish_quality(texts=texts, tokens=200)
    window.state.wish_frontier(pipelines=("pca", "joined+output+lloyd-max"), bits=(4.0, 8.0))
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(capture)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    window.views.frontier_panel.measure_button.click()
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    assert window.state.findings.frontier.result.of_model
    assert_repeated(window, monkeypatch, tmp_path)


def assert_repeated(window, monkeypatch, tmp_path):
    """Run what is copied of a frontier; both ways give every digit of it again."""
    from kvsplice_core.cli import main
    from kvsplice_core.report.comparison_table import frontier_csv

    monkeypatch.chdir(tmp_path)
    result, clipboard = window.state.findings.frontier.result, QGuiApplication.clipboard()
    window.menus.named("Copy frontier as command").trigger()
    assert main(shlex.split(clipboard.text())[1:]) == 0
    assert Path("frontier.csv").read_text("utf-8") == frontier_csv(result)
    window.menus.named("Copy frontier as Python").trigger()
    scope = {}
    exec(compile(clipboard.text(), "copied.py", "exec"), scope)
    assert scope["result"].points == result.points


def test_without_a_frontier_copying_says_why_not(loaded):
    actions = [loaded.menus.named(f"Copy frontier as {what}") for what in ("command", "Python")]
    assert not any(action.isEnabled() for action in actions)
    assert {action.toolTip() for action in actions} == {"Measure a frontier first"}
    loaded.controller._set_busy(BUSY)
    assert {a.toolTip() for a in actions} == {"Measuring frontier: wait until that is done"}
    loaded.controller._set_busy(IDLE)
    show(loaded, samples.frontier())
    assert all(action.isEnabled() for action in actions)
