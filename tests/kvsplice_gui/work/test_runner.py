"""What is computed when, and what stays when something goes wrong."""

import numpy as np
import pytest

from kvsplice_core.codec.kinds import Axes, Curve, KnotPlacement, Method, Recipe
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.state.wishes import Wishes

WAIT_MS = 30_000


def idle(qtbot, controller):
    qtbot.waitUntil(lambda: not controller.busy, timeout=WAIT_MS)


@pytest.fixture
def loaded(qtbot, controller, small_file):
    with qtbot.waitSignal(controller.loaded, timeout=WAIT_MS):
        controller.open(small_file)
    return controller


@pytest.fixture
def calibrated(qtbot, loaded):
    loaded.calibrate()
    idle(qtbot, loaded)
    return loaded


def test_opening_measures_pca_and_fits_k_to_the_data(loaded):
    state = loaded._state
    assert state.findings.dim == 6
    assert state.findings.result.methods == (Method.PCA,)
    assert 1 <= state.wishes.k <= 6


def test_calibrating_fills_every_k_and_reports_live(qtbot, loaded):
    steps, said = [], []
    loaded.stepped.connect(steps.append)
    loaded.said.connect(said.append)
    loaded.calibrate()
    idle(qtbot, loaded)
    result = loaded._state.findings.result
    assert result.ks == (1, 2, 3, 4, 6)
    assert result.methods == (Method.PCA, Method.SPLINE)
    assert any(step.shape is not None for step in steps)
    assert any("Spline→PCA k = 2" in line for line in said)


@pytest.mark.slow
def test_a_second_run_keeps_the_first_as_a_ghost(qtbot, calibrated):
    first = calibrated._state.findings.result
    calibrated.calibrate()
    idle(qtbot, calibrated)
    assert calibrated._state.findings.ghost is first
    assert calibrated._state.findings.result is not first


def test_cancel_keeps_the_last_result(qtbot, calibrated):
    before = calibrated._state.findings.result
    calibrated._state.wish(epochs=500)
    with qtbot.waitSignal(calibrated.stepped, timeout=WAIT_MS):
        calibrated.calibrate()
    with qtbot.waitSignal(calibrated.cancelled, timeout=WAIT_MS):
        calibrated.cancel()
    findings = calibrated._state.findings
    assert findings.result is before
    assert findings.live_rows == ()
    assert {row.k for row in findings.rows} == set(before.ks)
    assert not calibrated.busy


def cut_after_rows(qtbot, controller, *, stop):
    """Calibrate slowly, and stop when a learnt row is there; returns the finished rows."""
    controller._state.wish(epochs=400)
    controller.calibrate()
    live = lambda: controller._state.findings.live_rows  # noqa: E731
    qtbot.waitUntil(lambda: any(row.method.is_learnt for row in live()), timeout=WAIT_MS)
    rows = live()
    stop()
    idle(qtbot, controller)
    return rows


def test_cancel_keeps_the_finished_rows(qtbot, calibrated):
    before, said = calibrated._state.findings.result, []
    calibrated.said.connect(said.append)
    rows = cut_after_rows(qtbot, calibrated, stop=calibrated.cancel)
    findings = calibrated._state.findings
    assert {(r.method, r.k) for r in findings.result.rows} == {(r.method, r.k) for r in rows}
    assert all(row in rows for row in findings.result.rows)
    assert findings.result.spec.calibration.epochs == 400
    assert findings.ghost is before
    assert findings.live_rows == ()
    assert said[-1] == f"Cancelled; the {len(rows)} finished rows stay."


@pytest.mark.slow
def test_another_head_keeps_the_finished_rows_of_this_one(qtbot, loaded):
    rows = cut_after_rows(qtbot, loaded, stop=lambda: loaded._state.wish_data(head=1))
    assert loaded._state.findings.result.methods == (Method.PCA,)
    loaded._state.wish_data(head=0)
    idle(qtbot, loaded)
    result = loaded._state.findings.result
    assert {(r.method, r.k) for r in rows} <= {(r.method, r.k) for r in result.rows}


def test_going_back_to_a_head_brings_its_results_back(qtbot, calibrated):
    state = calibrated._state
    calibrated.calibrate()
    idle(qtbot, calibrated)
    before = state.findings
    state.wish_data(head=1)
    idle(qtbot, calibrated)
    assert state.findings.result.methods == (Method.PCA,)
    assert state.findings.ghost is None
    state.wish_data(head=0)
    idle(qtbot, calibrated)
    assert state.findings.dataset.wish.head == 0
    for name in ("result", "ghost", "asked", "quality", "frontier"):
        assert getattr(state.findings, name) is getattr(before, name), name


def test_a_bad_file_fails_with_a_sentence_and_keeps_the_data(qtbot, calibrated, tmp_path):
    before = calibrated._state.findings
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"not an array")
    with qtbot.waitSignal(calibrated.failed, timeout=WAIT_MS) as failed:
        calibrated.open(bad)
    assert "bad.npy" in failed.args[0].sentence
    assert calibrated._state.findings.dataset is before.dataset
    assert calibrated._state.wishes.data == before.dataset.wish
    assert calibrated._state.findings.result is before.result


def test_a_new_k_is_added_after_a_pause(qtbot, calibrated):
    calibrated._state.wish(k=5)
    qtbot.waitUntil(
        lambda: calibrated._state.findings.row(Method.SPLINE, 5) is not None, timeout=WAIT_MS
    )
    idle(qtbot, calibrated)
    assert 5 in calibrated._state.findings.result.ks
    assert 2 in calibrated._state.findings.result.ks


@pytest.mark.slow
def test_new_knots_recalibrate_from_the_present_curves(qtbot, calibrated):
    calibrated._state.wish(knots=9)
    qtbot.waitUntil(
        lambda: calibrated._state.findings.result.spec.calibration.knots == 9, timeout=WAIT_MS
    )
    result = calibrated._state.findings.result
    assert calibrated._state.findings.ghost.spec.calibration.knots == 5
    assert any(row.calibration.warm_start for row in result.of(Method.SPLINE))


def test_origin_needs_no_training_for_another_k(qtbot, loaded):
    loaded._state.wish(recipe=Recipe.ORIGIN)
    loaded.calibrate()
    idle(qtbot, loaded)
    steps = []
    loaded.stepped.connect(steps.append)
    loaded._state.wish(k=5)
    qtbot.waitUntil(
        lambda: loaded._state.findings.result.row(Method.SPLINE, 5) is not None, timeout=WAIT_MS
    )
    assert steps == []


def test_choosing_another_head_reads_again(qtbot, loaded):
    first = loaded._state.findings.dataset
    with qtbot.waitSignal(loaded.loaded, timeout=WAIT_MS):
        loaded._state.wish_data(head=1)
    second = loaded._state.findings.dataset
    assert second.values.summary.head == 1
    assert not np.array_equal(first.values.rows.numpy(), second.values.rows.numpy())


def test_closing_while_it_runs_ends_cleanly(qtbot, loaded):
    loaded._state.wish(epochs=5000)
    with qtbot.waitSignal(loaded.stepped, timeout=WAIT_MS):
        loaded.calibrate()
    loaded.shutdown()


@pytest.mark.parametrize(
    "kind",
    [
        {"curve": Curve.RATIONAL_QUADRATIC},
        {"axes": Axes.PCA},
        {"knot_placement": KnotPlacement.UNIFORM},
        {"recipe": Recipe.ORIGIN},
    ],
)
def test_another_kind_of_spline_starts_over_only_when_asked_to(calibrated, kind):
    calibrated._state.wish(knots=7, **kind)
    assert calibrated._missing() is None
    calibrated._state.wish(**{name: getattr(Wishes().calibration, name) for name in kind})
    assert calibrated._missing()[0].verb == "Re-calibrating"


def test_another_kind_is_calibrated_cold_and_is_what_the_command_says(qtbot, calibrated):
    said = []
    calibrated.said.connect(said.append)
    calibrated._state.wish(curve=Curve.RATIONAL_QUADRATIC, axes=Axes.PCA, epochs=2)
    calibrated.calibrate()
    idle(qtbot, calibrated)
    findings = calibrated._state.findings
    rows = findings.result.of(Method.SPLINE)
    assert all(not row.calibration.warm_start for row in rows)
    assert {row.calibration.spec.axes for row in rows} == {Axes.PCA}
    assert findings.asked.curve is Curve.RATIONAL_QUADRATIC
    assert "5 knots · rational-quadratic · PCA axes · 2 epochs" in said[0]
    command = readouts.as_command(findings)
    assert "--curve rational-quadratic --transform-axes pca" in command
