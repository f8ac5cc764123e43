"""The solver in the real window: with results made of numbers, and once with a real small model."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.base.progress import Step
from kvsplice_gui.desks.solve import SOLVE, _finished
from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.state.findings import Solved
from kvsplice_gui.work.busy import IDLE, Busy
from tests import quality_samples, solve_samples
from tests.kvsplice_gui.panels.hands import pick, type_line

WAIT_MS = 120_000


@pytest.fixture
def captured(qtbot, window, small_file):
    """A window whose data claims to be a capture."""
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(small_file)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    dataset = window.state.findings.dataset
    window.state.find(dataset=replace(dataset, capture=quality_samples.FACTS))
    return window


@pytest.fixture
def solved(captured):
    show(captured)
    return captured


def show(window, **fields):
    key = solve_readouts.key_of(window.state.wishes, window.state.findings)
    window.state.find(solved=Solved(solve_samples.result(key.spec, **fields), None, key))


def test_without_a_capture_the_button_says_why_not(window):
    button = window.views.frontier_view.solve_button
    assert not button.isEnabled()
    action = window.menus.named("Solve for")
    assert button.toolTip() == action.toolTip() == solve_readouts.NEEDS_CAPTURE
    assert not action.isEnabled()
    assert window.views.given.is_empty


def test_a_capture_lets_budgets_be_chosen_and_solved_for(captured):
    view = captured.views.frontier_view
    assert view.solve_button.isEnabled()
    assert captured.menus.named("Solve for").isEnabled()
    assert view.slider.isEnabled()  # without any frontier
    assert not captured.menus.named("Save solved card").isEnabled()


def test_a_solved_budget_is_map_title_and_verdict(solved):
    plot = solved.views.given
    assert plot.header.title.text() == "Given to V at 2.50 bits, checked"
    assert plot._cells == pytest.approx(np.repeat([[1.0], [2.0], [3.0], [4.0]], 4, axis=1))
    assert plot._reading_at(2, 3).text == "layer 3 · head 2 · 4.00 bits per value · k = 64"
    said = solved.views.frontier_view.solved.text()
    assert said.startswith("Solved for 2.50\u00a0bits: ΔNLL +0.0400 [")
    assert "that had no part in the choice, by sensitivity minus the same for all: ΔNLL" in said
    assert "nats per token, a gain" in said


def test_another_budget_is_shown_at_once_unchecked_and_back(solved):
    plot, slider = solved.views.given, solved.views.frontier_view.slider
    before, at = plot._cells.copy(), slider.value()
    slider.setValue(50)
    budget = solved.state.wishes.frontier.budget
    assert plot._cells.mean() == pytest.approx(budget)
    assert plot.header.title.text() == f"Given to V at {budget:.2f} bits, not checked"
    assert plot.notice.text().startswith("Not checked: solve again for")
    slider.setValue(at)
    assert solved.state.wishes.frontier.budget == 2.5
    assert plot._cells == pytest.approx(before)
    assert "Not checked" not in plot.notice.text()


def test_another_model_makes_it_stale_and_hides_the_verdict(solved):
    plot, view = solved.views.given, solved.views.frontier_view
    solved.state.wish_quality(model="another")
    assert "other model now: solve again" in plot.heading.text()
    assert plot.heading.property("role") == "warning"
    assert view.solved.text() == ""
    solved.state.wish_quality(model="")
    assert plot.heading.property("role") == "heading"
    assert view.solved.text()


def test_a_failed_audit_shows_no_result_and_saves_no_card(captured):
    show(captured, audit=quality_samples.FAILED)
    plot = captured.views.given
    assert plot.is_empty
    assert plot.notice.text().startswith("audit failed: the cache is read")
    assert plot.notice.property("role") == "error"
    assert "ΔNLL" not in captured.views.frontier_view.solved.text()
    assert not captured.menus.named("Save solved card").isEnabled()
    captured.solving.save_card()
    dialog = captured.findChild(ErrorDialog)
    assert "audit" in dialog.sentence.text()
    dialog.close()


def test_both_sides_have_a_switch(qtbot, captured):
    key = solve_readouts.key_of(captured.state.wishes, captured.state.findings)
    result = solve_samples.result(solve_samples.BOTH)
    captured.state.find(solved=Solved(result, None, key))
    plot = captured.views.given
    assert plot.header.title.text().startswith("Given to V")
    plot.k_button.click()
    assert captured.state.wishes.view.given_side == "k"
    assert plot.header.title.text().startswith("Given to K")


def test_a_loss_is_asked_for_by_its_number_and_named_everywhere(qtbot, captured):
    panel, view, menus = captured.views.solve_panel, captured.views.frontier_view, captured.menus
    assert not panel.max_dnll.isEnabled()
    panel.by_loss.click()
    assert not panel.bits.isEnabled()
    for widget in (view.solve_button, panel.button):
        assert (widget.text(), widget.isEnabled()) == ("Solve for the loss", True)
    assert menus.named("Solve for").text().replace("&", "") == "Solve for the loss"
    assert "fewest bits" in menus.named("Solve for").toolTip()
    type_line(qtbot, panel.max_dnll, "0.2")
    key = solve_readouts.key_of(captured.state.wishes, captured.state.findings)
    assert (key.spec.max_dnll, key.spec.bits) == (0.2, None)
    trial = replace(solve_samples.result().solved, budgets=(1.734375,))
    found = Solved(solve_samples.result(key.spec, solved=trial), None, key)
    captured.solving._tell(_finished(captured.state.findings, key, found))
    assert captured.state.wishes.frontier.budget == 1.734375
    assert view.budget_label.text() == "1.73\u00a0bits"
    assert captured.views.given.header.title.text() == "Given to V at 1.73 bits, checked"
    assert view.solved.text().startswith("Solved for ΔNLL ≤ 0.2\u00a0nats per token: ΔNLL +0.0400")


def test_what_cannot_be_asked_for_is_said_and_goes_back(qtbot, captured):
    panel, before = captured.views.solve_panel, captured.state.wishes
    panel.by_loss.click()
    for text, sentence in (
        ("-1", "Largest ΔNLL must be above 0; got -1.0."),
        ("inf", "Largest ΔNLL must be finite; got inf."),
        ("some", "The largest ΔNLL must be a number such as 0.05; got 'some'."),
    ):
        type_line(qtbot, panel.max_dnll, text)
        assert panel.problem.text() == sentence
        assert panel.max_dnll.text() == "0.05"
    panel.by_bits.click()
    assert panel.problem.text() == ""
    type_line(qtbot, panel.bits, "17")
    assert panel.problem.text().startswith("Budget must be above 0 and at most 16")
    assert captured.state.wishes == before


def test_a_typed_budget_is_the_sliders(qtbot, captured):
    type_line(qtbot, captured.views.solve_panel.bits, "3.37")
    assert captured.state.wishes.frontier.budget == 3.37
    assert captured.views.frontier_view.budget_label.text() == "3.37\u00a0bits"
    captured.views.frontier_view.slider.setValue(60)
    assert captured.views.solve_panel.bits.text() == "8"


def test_while_it_solves_its_buttons_rest_and_the_status_bar_says_how_far_it_is(captured):
    view, bar, said = captured.views.frontier_view, captured.work_bar, []
    captured.controller.said.connect(said.append)
    busy = Busy(SOLVE.key, SOLVE.verb)
    captured.controller._set_busy(busy)
    for button in (view.solve_button, captured.views.solve_panel.button):
        assert not button.isEnabled()
        assert button.toolTip() == "Solving: wait until that is done"
    captured.controller._on_other_step(Step("errors", 0.3))
    assert bar.text.text() == "Solving · errors"
    trial = solve_samples.result().solved
    captured.solving.on_stepped(Step("2.5 bits, shared", 0.6, trial))
    assert said == ["Measured 2.5 bits, shared"]
    captured.controller._set_busy(replace(busy, is_cancelling=True))
    assert not view.solve_button.isEnabled()
    captured.controller._set_busy(IDLE)
    assert view.solve_button.isEnabled()
    assert view.solve_button.text() == "Solve for the budget"


def test_a_cell_clicked_while_it_solves_is_opened_afterwards(solved, monkeypatch):
    chosen = []
    monkeypatch.setattr(solved.state, "wish_data", lambda **changes: chosen.append(changes))
    monkeypatch.setattr(quality_readouts, "cell_choice", lambda *cell: {"head": cell[-1]})
    solved.controller._set_busy(Busy(SOLVE.key, SOLVE.verb))
    solved.views.given.cell_chosen.emit(0, 1)
    assert chosen == []
    solved.controller._set_busy(IDLE)
    assert chosen == [{"head": 1}]


def test_what_was_given_is_taken_away(solved, monkeypatch, tmp_path):
    for name, action in (("g.csv", "export_csv"), ("g.json", "export_json")):
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, p=path: (str(p), ""))
        getattr(solved.solving, action)()
    assert len((tmp_path / "g.csv").read_text().splitlines()) == 17
    assert json.loads((tmp_path / "g.json").read_text())["verdict"] == "gain"


def test_without_a_result_copying_says_why_not(captured):
    copies = [captured.menus.named(f"Copy solve as {what}") for what in ("command", "Python")]
    assert not any(action.isEnabled() for action in copies)
    assert {action.toolTip() for action in copies} == {"Solve for a budget first"}
    show(captured)
    assert all(action.isEnabled() for action in copies)
    captured.solving.copy_as_command()
    assert "kvsplice solve" in captured.views.log.toPlainText()


@pytest.mark.slow
def test_from_a_capture_to_a_saved_card_and_back_by_what_was_copied(
    qtbot, window, model_capture, tmp_path, monkeypatch
):
    from kvsplice_core.cli import main
    from kvsplice_core.codec.card_file import load_card
    from kvsplice_core.report.solve_table import solve_csv

    capture, texts = model_capture
    window.state.wish_quality(texts=texts, tokens=200)
    window.state.wish_frontier(budget=4.0)
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(capture)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    qtbot.mouseClick(window.views.frontier_view.solve_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    found = window.state.findings.solved
    assert found.result.is_valid
    assert window.views.given._cells.shape == (2, 4)
    assert window.layout_of.docks["given"].isVisible()
    assert "Measured 4 bits" in window.views.log.toPlainText()
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "saved.safetensors"), "")
    )
    window.solving.save_card()
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    saved = load_card(tmp_path / "saved.safetensors")
    assert saved.proofs[0]["valid"] is True

    monkeypatch.chdir(tmp_path)
    clipboard = QGuiApplication.clipboard()
    window.menus.named("Copy solve as command").trigger()
    assert main(shlex.split(clipboard.text())[1:]) == 0
    assert Path("given_bits.csv").read_text("utf-8") == solve_csv(found.result)
    window.menus.named("Copy solve as Python").trigger()
    scope = {}
    exec(compile(clipboard.text(), "copied.py", "exec"), scope)
    again = scope["result"].result
    assert (again.shares, again.trials) == (found.result.shares, found.result.trials)
    assert again.evaluation.quality == found.result.evaluation.quality
    assert load_card("card.safetensors").scores == saved.scores


@pytest.mark.slow
@pytest.mark.parametrize("by_loss", [False, True])
def test_both_sides_are_solved_for_and_repeated(
    qtbot, window, model_capture, tmp_path, monkeypatch, by_loss
):
    from kvsplice_core.cli import main
    from kvsplice_core.report.solve_table import solve_csv

    capture, texts = model_capture
    window.state.wish_quality(texts=texts, tokens=200)
    window.state.wish_frontier(budget=4.0)
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(capture)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    panel = window.views.solve_panel
    pick(panel.side, "V and K")
    if by_loss:
        panel.by_loss.click()
        type_line(qtbot, panel.max_dnll, "5")
    else:
        type_line(qtbot, panel.key_bits, "6")
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=WAIT_MS)
    result = window.state.findings.solved.result
    assert result.sides == ("v", "k")
    assert "checked" in window.views.given.header.title.text()
    if by_loss:
        assert result.solved.quality.delta_nll.high <= 5
    else:
        assert result.bits["v"] <= 4 < result.bits["k"] <= 6
    monkeypatch.chdir(tmp_path)
    window.menus.named("Copy solve as command").trigger()
    assert main(shlex.split(QGuiApplication.clipboard().text())[1:]) == 0
    assert Path("given_bits.csv").read_text("utf-8") == solve_csv(result)
