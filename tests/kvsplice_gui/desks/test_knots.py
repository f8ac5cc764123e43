"""Knots in the hand, in the real window: by mouse on the plot's scene, and by keys."""

import pyqtgraph as pg
import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QGuiApplication, QMouseEvent
from PyQt6.QtWidgets import QApplication, QFileDialog

from kvsplice_core.codec.codec_file import load_codec
from kvsplice_core.codec.kinds import Axes, Curve, Method
from kvsplice_gui.plots.knot_bar import EDIT_HELP
from kvsplice_gui.plots.knot_hand import Knot
from kvsplice_gui.state.wishes import Wishes

pytestmark = pytest.mark.slow
WAIT_MS = 60_000
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def idle(qtbot, window):
    qtbot.waitUntil(
        lambda: not window.controller.busy and not window.knots.refits.is_running, timeout=WAIT_MS
    )


@pytest.fixture(autouse=True)
def every_move_counts():
    """pyqtgraph leaves out moves that come faster than a hand."""
    usual = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", 0)
    yield
    pg.setConfigOption("mouseRateLimit", usual)


@pytest.fixture
def quick_wishes(quick_wishes):
    return quick_wishes.but(epochs=8)


@pytest.fixture
def loaded(qtbot, window, small_file):
    window.resize(1280, 720)
    with qtbot.waitSignal(window.controller.loaded, timeout=WAIT_MS):
        window.open_source(small_file)
    return window


def open_knots(qtbot, window):
    qtbot.mouseClick(window.views.splines.edit_button, LEFT)
    idle(qtbot, window)
    qtbot.waitUntil(window.views.splines.bar.isVisible)
    QApplication.processEvents()
    return window


@pytest.fixture
def opened(qtbot, loaded):
    """Straight lines, not calibrated."""
    return open_knots(qtbot, loaded)


@pytest.fixture
def calibrated(qtbot, loaded):
    loaded.controller.calibrate()
    idle(qtbot, loaded)
    return open_knots(qtbot, loaded)


def edits(window):
    return window.state.findings.knots


def shape(window):
    return edits(window).present.shape


def mse(window, k=2):
    return window.state.findings.row(Method.SPLINE, k).scores.mse


def pixel(window, x, y):
    """Return where a point of the spline plot lies on its viewport."""
    plot = window.views.splines
    scene = plot.plot.vb.mapViewToScene(QPointF(x, y))
    return plot.view.mapFromScene(scene)


def knot_pixel(window, dim, index):
    curves = shape(window)
    return pixel(window, float(curves.knots_in[dim, index]), float(curves.knots_out[dim, index]))


def mouse(window, kind, at, button=LEFT, buttons=LEFT):
    viewport = window.views.splines.view.viewport()
    where = QPointF(at)
    event = QMouseEvent(kind, where, QPointF(viewport.mapToGlobal(at)), button, buttons, NONE)
    QApplication.sendEvent(viewport, event)


def press_and_drag(window, start, end, steps=8):
    nothing = Qt.MouseButton.NoButton
    mouse(window, QEvent.Type.MouseMove, start, nothing, nothing)
    mouse(window, QEvent.Type.MouseButtonPress, start)
    for step in range(1, steps + 1):
        at = start + QPoint(
            *(round(d * step / steps) for d in ((end - start).x(), (end - start).y()))
        )
        mouse(window, QEvent.Type.MouseMove, at, nothing)


def let_go(window, at):
    mouse(window, QEvent.Type.MouseButtonRelease, at, LEFT, Qt.MouseButton.NoButton)


def drag(window, start, end):
    press_and_drag(window, start, end)
    let_go(window, end)


def double_click(qtbot, window, at):
    viewport = window.views.splines.view.viewport()
    qtbot.mouseClick(viewport, LEFT, pos=at)
    qtbot.mouseDClick(viewport, LEFT, pos=at)
    let_go(window, at)


@pytest.mark.parametrize("kind", [{"axes": Axes.PCA}, {"curve": Curve.RATIONAL_QUADRATIC}])
def test_what_is_not_straight_in_raw_axes_is_taken_out_of_the_hand(qtbot, opened, kind):
    views, state = opened.views, opened.state
    state.wish(**kind)
    assert not views.splines.bar.isVisible()
    assert not views.splines.edit_button.isEnabled()
    assert not opened.menus.named("Edit knots").isEnabled()
    assert "raw axes" in views.splines.edit_button.toolTip()
    opened.knots.toggle()
    assert not edits(opened).is_open
    state.wish(**{name: getattr(Wishes().calibration, name) for name in kind})
    assert views.splines.edit_button.isEnabled()
    assert views.splines.edit_button.toolTip() == EDIT_HELP


def test_what_a_hand_made_stays_what_it_is_when_another_kind_is_wished(qtbot, opened):
    opened.knots.editor._on_hand_nudged(Knot(0, 1), 0.3, 0.4)
    idle(qtbot, opened)
    opened.state.wish(axes=Axes.PCA, curve=Curve.RATIONAL_QUADRATIC)
    assert edits(opened).is_edited
    opened.state.wish(k=4)
    qtbot.waitUntil(lambda: opened.state.findings.row(Method.SPLINE, 4) is not None)
    idle(qtbot, opened)
    spec = opened.state.findings.row(Method.SPLINE, 4).calibration.spec
    assert (spec.axes, spec.curve) == (Axes.RAW, Curve.LINEAR)
    assert opened.views.splines.header.title.text() == "Transform s(x)"


def test_without_data_nothing_can_be_edited(window):
    assert not window.views.splines.edit_button.isEnabled()
    assert not window.menus.named("Edit knots").isEnabled()
    assert not window.menus.named("Undo").isEnabled()


def test_before_a_calibration_straight_lines_are_bent(qtbot, loaded):
    assert "Edit knots" in loaded.views.splines.empty_label.text()
    qtbot.mouseClick(loaded.views.splines.edit_button, LEFT)
    idle(qtbot, loaded)
    assert not loaded.views.splines.is_empty
    assert shape(loaded).knots_in == pytest.approx(shape(loaded).knots_out)
    assert loaded.state.findings.row(Method.SPLINE, 2) is None
    start = knot_pixel(loaded, 0, 2)
    drag(loaded, start, start - QPoint(0, 25))
    idle(qtbot, loaded)
    assert loaded.state.findings.row(Method.SPLINE, 2).calibration.edited


def test_a_drag_moves_the_knot_and_every_plot_follows(qtbot, calibrated):
    before, was = mse(calibrated), shape(calibrated)
    start = knot_pixel(calibrated, 0, 2)
    end = start + QPoint(6, -30)
    press_and_drag(calibrated, start, end)
    held = edits(calibrated).held
    assert held is not None
    drawn = calibrated.views.splines._items[0].curve.getData()
    assert drawn[1][3] == pytest.approx(float(held.shape.knots_out[0, 2]))
    qtbot.waitUntil(lambda: mse(calibrated) != before, timeout=WAIT_MS)
    let_go(calibrated, end)
    idle(qtbot, calibrated)
    assert edits(calibrated).held is None
    assert edits(calibrated).undo_name == "move knot 2 of dim 0"
    assert shape(calibrated).knots_out[0, 2] > was.knots_out[0, 2]
    assert (shape(calibrated).knots_in[0, 1:] > shape(calibrated).knots_in[0, :-1]).all()
    assert shape(calibrated).knots_out[1:] == pytest.approx(was.knots_out[1:])
    rows = [r for r in calibrated.state.findings.rows if r.method is Method.SPLINE]
    assert all(row.calibration.edited for row in rows)
    assert {row.k for row in rows} == {1, 2, 3, 4, 6}
    assert "edited by hand" in calibrated.views.strip.buttons["transform"].accessibleName()
    assert "knots set by hand" in calibrated._verdict.text()


def test_a_drag_past_a_neighbour_stops_beside_it(qtbot, opened):
    start, end = knot_pixel(opened, 0, 2), knot_pixel(opened, 0, 4) + QPoint(0, -40)
    drag(opened, start, end)
    curves = shape(opened)
    assert (curves.knots_in[0, 1:] > curves.knots_in[0, :-1]).all()
    assert (curves.slopes[0] > 0).all()


def test_undo_and_redo_by_keys_and_menu(qtbot, calibrated):
    base = shape(calibrated)
    start = knot_pixel(calibrated, 0, 2)
    drag(calibrated, start, start - QPoint(0, 25))
    moved = shape(calibrated)
    assert calibrated.menus.named("Undo").text() == "&Undo move knot 2 of dim 0"
    calibrated.menus.named("Undo").trigger()
    idle(qtbot, calibrated)
    assert shape(calibrated) is base
    assert not any(row.calibration.edited for row in calibrated.state.findings.rows)
    assert calibrated.menus.named("Redo").text() == "&Redo move knot 2 of dim 0"
    calibrated.menus.named("Redo").trigger()
    assert shape(calibrated) is moved
    calibrated.menus.named("Reset to calibrated").trigger()
    assert shape(calibrated) is base
    assert calibrated.menus.named("Redo").isEnabled()


def test_escape_calls_the_drag_off(qtbot, opened):
    base = shape(opened)
    start = knot_pixel(opened, 0, 2)
    press_and_drag(opened, start, start - QPoint(0, 30))
    qtbot.keyClick(opened.views.splines, Qt.Key.Key_Escape)
    assert shape(opened) is base
    press = start - QPoint(0, 50)
    mouse(opened, QEvent.Type.MouseMove, press, Qt.MouseButton.NoButton)
    let_go(opened, press)
    assert shape(opened) is base
    assert not edits(opened).is_edited


def test_double_click_adds_and_delete_removes(qtbot, opened):
    curves = shape(opened)
    x = float(curves.knots_in[0, 2:4].mean())
    z = float(curves.knots_out[0, 2:4].mean())
    double_click(qtbot, opened, pixel(opened, x, z))
    assert shape(opened).knots_in.shape[1] == 6
    assert edits(opened).undo_name == "add a knot to dim 0"
    chosen = opened.views.splines.hand.chosen
    assert chosen == Knot(0, 3)
    qtbot.keyClick(opened.views.splines, Qt.Key.Key_Delete)
    assert edits(opened).undo_name == "remove knot 3 of dim 0"
    assert len(set(shape(opened).knots_in[0].tolist())) == 5
    assert len(set(shape(opened).knots_in[1].tolist())) == 6


def test_a_double_click_beside_the_curves_shows_everything_again(qtbot, opened):
    opened.views.splines._follows_data = False
    area = opened.views.splines.plot.vb.sceneBoundingRect()
    corner = opened.views.splines.view.mapFromScene(area.bottomRight() - QPointF(15, 15))
    double_click(qtbot, opened, corner)
    assert opened.views.splines._follows_data
    assert not edits(opened).is_edited


def test_too_few_knots_are_said(qtbot, opened):
    said = []
    opened.controller.said.connect(said.append)
    hand = opened.views.splines.hand
    for _ in range(3):
        hand.choose_near(0, 0.0)
        qtbot.keyClick(opened.views.splines, Qt.Key.Key_Delete)
    assert len(set(shape(opened).knots_in[0].tolist())) == 3
    assert said[-1].startswith("Not done: a spline keeps at least 3 knots")


def test_the_keyboard_does_it_all(qtbot, opened):
    plot = opened.views.splines
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Tab)
    qtbot.keyClick(plot, Qt.Key.Key_Tab)
    assert plot.hand.chosen == Knot(0, 1)
    before = shape(opened)
    for _ in range(3):
        qtbot.keyClick(plot, Qt.Key.Key_Up)
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert shape(opened).knots_out[0, 1] > before.knots_out[0, 1]
    assert shape(opened).knots_in[0, 1] > before.knots_in[0, 1]
    opened.menus.named("Undo").trigger()  # all nudges of one knot at once
    assert shape(opened) is before
    for _ in range(3):
        plot.focusNextPrevChild(True)
    assert plot.hand.chosen == Knot(0, 4)
    assert not plot.hand.step(True)


def test_every_dimension_moves_alike(qtbot, opened):
    before = shape(opened)
    opened.views.splines.bar.dim_chosen.emit(None)
    start = knot_pixel(opened, 1, 2)
    drag(opened, start, start - QPoint(0, 10))
    assert edits(opened).undo_name == "move knot 2 of every dimension"
    assert ((shape(opened).knots_out - before.knots_out)[:, 2] > 0).all()


def test_clicking_another_curve_takes_its_knots(qtbot, opened):
    at = knot_pixel(opened, 0, 2)
    drag(opened, at, at - QPoint(0, 30))  # away from the straight lines of the others
    qtbot.mouseClick(opened.views.splines.view.viewport(), LEFT, pos=at)
    assert edits(opened).dim in {1, 2, 3}
    assert opened.views.splines.bar.dims.currentData() == edits(opened).dim


def test_edits_survive_another_k_and_go_with_another_head(qtbot, calibrated):
    start = knot_pixel(calibrated, 0, 2)
    drag(calibrated, start, start - QPoint(0, 25))
    moved = shape(calibrated)
    calibrated.state.wish(k=5)
    idle(qtbot, calibrated)
    assert shape(calibrated) is moved
    assert calibrated.state.findings.row(Method.SPLINE, 5).calibration.edited
    with qtbot.waitSignal(calibrated.controller.loaded, timeout=WAIT_MS):
        calibrated.state.wish_data(head=1)
    assert edits(calibrated).edits == ()
    assert not calibrated.views.splines.hand.is_open


def test_calibrating_again_replaces_the_edits(qtbot, calibrated):
    start = knot_pixel(calibrated, 0, 2)
    drag(calibrated, start, start - QPoint(0, 25))
    calibrated.controller.calibrate()
    assert not calibrated.views.splines.hand.is_open
    idle(qtbot, calibrated)
    assert edits(calibrated).edits == ()
    assert not any(row.calibration.edited for row in calibrated.state.findings.rows)


def test_without_edits_another_k_brings_its_own_knots(qtbot, calibrated):
    first = shape(calibrated)
    calibrated.state.wish(k=1)
    idle(qtbot, calibrated)
    assert edits(calibrated).is_open
    assert shape(calibrated) is not first


def test_learn_from_here_is_one_more_edit_and_no_worse(qtbot, calibrated):
    said = []
    calibrated.controller.said.connect(said.append)
    start = knot_pixel(calibrated, 0, 2)
    drag(calibrated, start, start - QPoint(0, 40))
    idle(qtbot, calibrated)
    by_hand = calibrated.state.findings.row(Method.SPLINE, 2)
    calibrated.menus.named("Let it learn").trigger()
    assert calibrated.controller.busy.key == "learn"
    idle(qtbot, calibrated)
    learnt = calibrated.state.findings.row(Method.SPLINE, 2)
    text = " ".join(said)
    assert "Learnt from here" in text or "nothing better" in text
    if "Learnt from here" in text:
        assert edits(calibrated).undo_name == "learn from here at k = 2"
        assert learnt.calibration.validation_mse < by_hand.calibration.validation_mse
        assert learnt.calibration.losses
        calibrated.menus.named("Undo").trigger()
        idle(qtbot, calibrated)
    assert calibrated.state.findings.row(Method.SPLINE, 2).scores.mse == pytest.approx(
        by_hand.scores.mse
    )


def test_what_is_taken_away_says_that_a_hand_made_it(qtbot, opened, monkeypatch, tmp_path):
    start = knot_pixel(opened, 0, 2)
    drag(opened, start, start - QPoint(0, 25))
    idle(qtbot, opened)
    for name, save in (
        ("codec.safetensors", opened.takeaway.export_codec),
        ("table.csv", opened.takeaway.export_csv),
        ("all.json", opened.takeaway.export_json),
    ):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_, n=name: (str(tmp_path / n), "")
        )
        save()
    assert load_codec(tmp_path / "codec.safetensors").provenance.edited
    assert "edited_by_hand_SplinePCA" in (tmp_path / "table.csv").read_text()
    assert '"edited_by_hand": true' in (tmp_path / "all.json").read_text()
    opened.takeaway.copy_as_command()
    assert QGuiApplication.clipboard().text().startswith("# This repeats what the knots were")
    opened.takeaway.copy_as_python()
    compile(QGuiApplication.clipboard().text(), "copied", "exec")


def test_closing_with_a_knot_in_the_hand(opened):
    start = knot_pixel(opened, 0, 2)
    press_and_drag(opened, start, start - QPoint(0, 25))
    assert opened.close()


def test_the_menu_of_a_chosen_knot_removes_it_and_adds_one(qtbot, opened):
    plot = opened.views.splines
    plot.menu.aboutToShow.emit()
    assert plot.knot_actions[0] not in plot.menu.actions()
    plot.hand.choose(Knot(0, 2))
    plot.menu.aboutToShow.emit()
    assert plot.menu.actions()[:2] == plot.knot_actions
    plot.knot_actions[1].trigger()
    assert shape(opened).knots_in.shape[1] == 6
    assert plot.hand.chosen == Knot(0, 3)
    plot.knot_actions[0].trigger()
    assert edits(opened).undo_name == "remove knot 3 of dim 0"


def test_calibrating_takes_the_knot_out_of_the_hand(qtbot, opened):
    start = knot_pixel(opened, 0, 2)
    press_and_drag(opened, start, start - QPoint(0, 25))
    opened.controller.calibrate()
    assert edits(opened).held is None
    opened.controller.cancel()
    let_go(opened, start)
    idle(qtbot, opened)
    assert not edits(opened).is_edited
