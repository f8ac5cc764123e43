"""Quality in the real window: with results made of numbers, and once with a real small model."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.base.progress import Step
from kvsplice_core.codec.kinds import Method
from kvsplice_gui.desks.quality import MAP
from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.state.findings import Evaluation, MeasuredCurve, SensitivityMap
from kvsplice_gui.work.busy import IDLE, Busy
from tests import quality_samples as samples
from tests.language_models import some_documents, tiny_gpt2

WAIT_MS = 120_000


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)


@pytest.fixture
def loaded(qtbot, window, small_file):
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(small_file)
    return window


@pytest.fixture
def captured(loaded):
    """A window whose data claims to be a capture."""
    dataset = loaded.state.findings.dataset
    loaded.state.find(dataset=replace(dataset, capture=samples.FACTS))
    return loaded


@pytest.fixture
def measured(captured):
    wishes = captured.state.wishes
    key = quality_readouts.card_key(wishes, samples.FACTS)
    spec, cells = quality_readouts.curve_spec(wishes, samples.FACTS), samples.sensitivity()
    captured.state.find_quality(
        curve=replace(samples.curve(), spec=spec),
        curve_wish=wishes.quality,
        evaluation=Evaluation(samples.evaluation(), None, key, wishes.quality),
        sensitivity=SensitivityMap(cells.kl, key, wishes.quality, cells),
        last_audited="evaluation",
    )
    return captured


def test_any_other_file_disables_quality_and_says_why(loaded):
    panel = loaded.views.quality_panel
    assert not panel.measure_button.isEnabled()
    assert panel.estimate.text() == quality_readouts.NEEDS_CAPTURE


def test_a_capture_enables_it(captured):
    panel = captured.views.quality_panel
    assert panel.measure_button.isEnabled()
    assert panel.model.placeholderText() == "gpt2-mini"
    assert "points of 16 heads" in panel.estimate.text()


def test_findings_show_everywhere(measured):
    views = measured.views
    assert set(views.quality._curves) == set(Method)
    assert views.quality._marked == (16,)
    assert len(views.audit.model.records) == len(samples.PASSED)
    assert len(views.heads.model.records) == 16
    assert not np.isnan(views.heads.model.records[0].sensitivity)
    assert not views.evaluation.is_empty
    assert not views.continuation.is_empty
    assert not views.sensitivity.is_empty


def test_a_failed_audit_is_banner_and_crosses(measured):
    curve = replace(measured.state.findings.quality.curve, audit=samples.FAILED)
    measured.state.find_quality(curve=curve, last_audited="curve")
    plot = measured.views.quality
    assert plot.notice.text().startswith("audit failed: the cache is read")
    assert plot._items[Method.PCA][1].opts["symbol"] == "x"
    assert "FAILED" in measured.views.audit.model.index(2, 0).data()


def test_a_control_that_fails_in_mid_run_is_banner_crosses_and_no_numbers(measured):
    said = []
    measured.controller.said.connect(said.append)
    measured.state.find_quality(starting_over=True, live_points=(), live_failed=())
    step = measured.quality.curve.on_stepped
    curve, failed = samples.curve(), samples.curve(samples.FAILED)
    step(Step("PCA k = 8", 0.1, MeasuredCurve(replace(curve, points=curve.points[:1]))))
    assert measured.views.quality._items[Method.PCA].points.opts["symbol"] != "x"
    step(Step("PCA k = 8", 0.1, MeasuredCurve(replace(failed, points=curve.points[:1]))))
    step(Step("spline k = 8", 0.2, MeasuredCurve(replace(failed, points=curve.points[:2]))))
    plot = measured.views.quality
    assert plot.notice.text().startswith("audit failed: the cache is read")
    assert plot.notice.property("role") == "error"
    assert {plot._items[m].points.opts["symbol"] for m in (Method.PCA, Method.SPLINE)} == {"x"}
    assert "ΔNLL" in said[0]
    assert not any("ΔNLL" in line for line in said[1:])
    assert len(said) == 3


def test_a_map_is_no_result_after_a_failed_audit(measured):
    plot, evaluation = measured.views.sensitivity, measured.state.findings.quality.evaluation
    assert "audited" in plot.header.title.text()
    measured.state.find_quality(evaluation=None)
    assert plot.notice.text() == "Not audited: evaluate this k."
    assert "audited" not in plot.header.title.text()
    failed = replace(evaluation, result=samples.evaluation(samples.FAILED))
    measured.state.find_quality(evaluation=failed)
    assert plot.is_empty
    assert plot.notice.text().startswith("audit failed")


def test_numbers_of_another_card_say_so_and_fade(measured):
    views, theme = measured.views, measured.views.quality._theme
    shown = (views.evaluation, views.audit, views.heads, views.continuation, views.sensitivity)
    assert all("not what is chosen" not in view.heading.text() for view in shown)
    assert views.sensitivity._image.opacity() == 1
    k = measured.state.wishes.k
    measured.state.wish(k=k + 1)
    for view in shown:
        assert f"k = {k} " in view.heading.text()
        assert f"not what is chosen now (Spline→PCA k = {k + 1})" in view.heading.text()
    colour = Qt.ItemDataRole.ForegroundRole
    for table in (views.audit, views.heads, views.evaluation):
        assert table.model.index(0, 0).data(colour).name() == theme.muted.lower()
    assert theme.warning not in views.continuation.compressed.toHtml().upper()
    assert views.sensitivity._image.opacity() < 1
    measured.state.wish(k=k)
    assert all("not what is chosen" not in view.heading.text() for view in shown)
    assert views.audit.model.index(0, 0).data(colour).name() == theme.good.lower()
    assert views.sensitivity._image.opacity() == 1


def test_the_map_of_the_other_side_is_one_press_away(measured):
    cells, plot = measured.state.findings.quality.sensitivity, measured.views.sensitivity
    both = replace(cells, kl={**cells.kl, "k": 2 * cells.kl["v"]})
    measured.state.find_quality(sensitivity=both)
    plot.side_changed.emit("k")
    assert plot.header.title.text().startswith("Sensitivity of K")
    assert plot._cells.max() == both.kl["k"].max()


def test_documents_that_are_not_held_out_are_told(measured):
    quality, views = measured.state.findings.quality, measured.views
    leaking = replace(quality.evaluation, leaked=("emma",))
    measured.state.find_quality(curve_leaked=("emma",), evaluation=leaking)
    for view in (views.quality, views.evaluation, views.heads, views.continuation):
        assert "calibrated on emma" in view.notice.text()


def test_k_is_the_same_here_too(measured):
    measured.views.quality.k_chosen.emit(5)
    assert measured.state.wishes.k == measured.views.mse.k == measured.views.quality.k == 5


def test_the_measure_is_switched_everywhere(measured):
    before = measured.views.quality._curves[Method.PCA].value
    measured.views.quality.measure_changed.emit("kl")
    assert measured.state.wishes.view.quality_measure == "kl"
    assert measured.views.quality.header.title.text().startswith("KL")
    assert list(measured.views.quality._curves[Method.PCA].low) != list(before)


def test_other_settings_make_the_curve_stale_and_back(measured):
    plot = measured.views.quality
    knots = measured.state.wishes.calibration.knots
    measured.state.wish(knots=knots + 3)
    assert "other settings (knots)" in plot.notice.text()
    assert plot._is_stale
    measured.state.wish(knots=knots)
    assert plot.notice.text() == ""
    assert not plot._is_stale


def test_another_file_forgets_what_was_measured(qtbot, measured, tmp_path):
    path = tmp_path / "other.npy"
    np.save(path, np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32))
    with qtbot.waitSignal(measured.controller.loaded, timeout=WAIT_MS):
        measured.open_source(path)
    assert measured.state.findings.quality.curve is None
    assert measured.views.quality.is_empty
    assert measured.views.heads.is_empty


def test_going_back_to_a_file_brings_back_what_was_measured(qtbot, measured, small_file, tmp_path):
    before, path = measured.state.findings, tmp_path / "other.npy"
    np.save(path, np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32))
    for source in (path, small_file):
        with qtbot.waitSignal(measured.controller.loaded, timeout=WAIT_MS):
            measured.open_source(source)
    again = replace(measured.state.findings.dataset, capture=samples.FACTS)
    measured.state.find_all(measured.state.findings.opened(again, before.result))
    assert measured.state.findings.quality is before.quality
    assert not measured.views.quality.is_empty
    assert not measured.views.heads.is_empty


def test_a_cell_chosen_while_measuring_is_opened_afterwards(measured, monkeypatch):
    chosen = []
    monkeypatch.setattr(measured.state, "wish_data", lambda **changes: chosen.append(changes))
    monkeypatch.setattr(quality_readouts, "cell_choice", lambda *cell: {"head": cell[-1]})
    control = measured.quality
    measured.controller._set_busy(Busy(MAP.key, MAP.verb))
    measured.views.sensitivity.cell_chosen.emit(0, 1)
    assert chosen == []
    assert control._awaited_cell == (0, 1)
    measured.controller._set_busy(IDLE)
    assert chosen == [{"head": 1}]


def test_layout_comes_back_with_the_quality_docks(measured):
    docks = measured.layout_of.docks
    for key in ("quality", "sensitivity", "audit", "heads", "continuation"):
        docks[key].setFloating(True)
        docks[key].hide()
    measured.layout_of.reset()
    for key in ("quality", "sensitivity", "audit", "heads", "continuation"):
        assert not docks[key].isFloating()
        assert not docks[key].isHidden()
    assert docks["quality"] in measured.tabifiedDockWidgets(docks["memory"])


def test_the_curve_and_its_command_are_taken_away(measured, monkeypatch, tmp_path):
    path = tmp_path / "q.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    measured.quality.export_json()
    assert json.loads(path.read_text())["valid"] is True
    measured.quality.copy_as_command()
    assert QGuiApplication.clipboard().text().startswith("kvsplice quality ")


def test_a_card_can_be_saved_only_of_what_was_evaluated(measured):
    card = measured.menus.named("Save card")
    assert card.isEnabled()
    k, method = measured.state.wishes.k, measured.state.wishes.method
    for change in ({"k": k + 1}, {"method": Method.FLOW}):
        measured.state.wish(**change)
        assert not card.isEnabled()
        assert card.statusTip() == card.toolTip() == "Evaluate this k first"
        measured.state.wish(k=k, method=method)
        assert card.isEnabled()
        assert card.statusTip() != "Evaluate this k first"


def test_what_is_cancelled_is_said_in_the_status_bar(measured):
    measured.controller.cancelled.emit("Cancelled; the last result stays.")
    assert measured.statusBar().currentMessage() == "Cancelled; the last result stays."


def test_the_audit_says_when_it_runs(measured):
    text = measured.views.audit.when.text()
    assert "first k of each method" in text
    assert "at every point" in text


def test_a_card_that_was_not_evaluated_is_not_saved(measured):
    measured.state.wish(k=3)
    measured.quality.save_card()
    dialog = measured.findChild(ErrorDialog)
    assert "Evaluate this k" in dialog.sentence.text()
    dialog.close()


# -- with a real model ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A saved GPT-2 of 2 layers and 4 heads of 16, its texts, and a capture of it."""
    from kvsplice_core.cli import main

    folder = tmp_path_factory.mktemp("quality")
    language = tiny_gpt2()
    language.model.save_pretrained(folder / "model")
    language.tokenizer.save_pretrained(folder / "model")
    for document in some_documents(4):
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    text = [str(folder / f"document-{i}.txt") for i in (0, 1)]
    out = ["--tokens", "600", "--device", "cpu", "--out", str(folder / "capture.safetensors")]
    assert main(["capture", str(folder / "model"), "--text", *text, *out]) == 0
    return folder


@pytest.fixture
def opened(qtbot, window, place):
    window.state.wish(epochs=2, k=4)
    window.state.wish_quality(
        texts=tuple(str(place / f"document-{i}.txt") for i in (2, 3)), tokens=256
    )
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(place / "capture.safetensors")
    return window


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.slow
def test_from_a_capture_to_an_audited_curve(qtbot, opened):
    seen = []
    opened.state.findings_changed.connect(lambda _, new: seen.append(len(new.quality.live_points)))
    press(qtbot, opened.views.quality_panel.measure_button)
    assert opened.work_bar.cancel_button.isEnabled()
    idle(qtbot, opened)
    curve = opened.state.findings.quality.curve
    assert {(p.method, p.k) for p in curve.points} == {
        (method, k) for method in (Method.PCA, Method.SPLINE) for k in (4, 8, 16)
    }
    assert set(range(7)) <= set(seen)  # point by point
    assert curve.is_valid
    assert curve.points[0].k == 4
    assert len(opened.views.audit.model.records) == len(curve.audit)
    assert not opened.views.quality.is_empty
    assert opened.layout_of.docks["quality"].isVisible()


@pytest.mark.slow
def test_a_cancelled_curve_keeps_its_points_and_the_last_one_beside_them(qtbot, opened):
    press(qtbot, opened.views.quality_panel.measure_button)
    idle(qtbot, opened)
    before = opened.state.findings.quality.curve
    press(qtbot, opened.views.quality_panel.measure_button)
    qtbot.waitUntil(lambda: opened.state.findings.quality.live_points != (), timeout=WAIT_MS)
    press(qtbot, opened.work_bar.cancel_button)
    idle(qtbot, opened)
    quality = opened.state.findings.quality
    assert 0 < len(quality.points) < len(before.points)
    assert set(quality.points) <= set(quality.curve.points)
    assert quality.ghost is before
    assert not quality.starting_over
    assert quality.curve_wish == opened.state.wishes.quality


@pytest.mark.slow
def test_evaluate_map_click_and_save(qtbot, opened, monkeypatch, tmp_path):
    from kvsplice_core.codec.card_file import load_card

    views = opened.views
    press(qtbot, views.quality_panel.evaluate_button)
    idle(qtbot, opened)
    found = opened.state.findings.quality.evaluation
    assert found.result.is_valid
    assert len(views.heads.model.records) == 8
    assert not views.continuation.is_empty

    press(qtbot, views.quality_panel.map_button)
    idle(qtbot, opened)
    cells = opened.state.findings.quality.sensitivity
    assert cells.is_whole
    assert cells.kl["v"].shape == (2, 4)
    assert not np.isnan(views.heads.model.records[0].sensitivity)
    assert all(len(row.errors.ranks) == 4 for row in views.heads.model.records)
    assert cells.card is found.card

    with qtbot.waitSignal(opened.controller.loaded, timeout=WAIT_MS):
        views.sensitivity.cell_chosen.emit(1, 2)
    summary = opened.state.findings.dataset.values.summary
    assert (summary.layer, summary.head) == (1, 2)
    assert views.sensitivity._chosen == (1, 2)
    assert opened.state.findings.quality.evaluation is found  # the same capture

    path = tmp_path / "card.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    opened.quality.save_card()
    idle(qtbot, opened)
    card = load_card(path)
    assert card.proofs[0]["valid"] is True
    assert card.model.layers == 2


@pytest.mark.slow
def test_a_model_that_is_not_there_fails_with_a_sentence(qtbot, opened, tmp_path):
    opened.state.wish_quality(model=str(tmp_path / "nothing"))
    with qtbot.waitSignal(opened.controller.failed, timeout=WAIT_MS) as failed:
        press(qtbot, opened.views.quality_panel.measure_button)
    assert "nothing" in failed.args[0].sentence
    assert opened.views.quality.is_empty
    opened.findChild(ErrorDialog).close()
