"""What holds for every panel of controls: help, names, and the keyboard."""

import pytest
from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QAbstractButton

from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.panels.calibration_panel import CalibrationPanel
from kvsplice_gui.panels.data_panel import DataPanel
from kvsplice_gui.panels.memory_panel import MemoryPanel
from kvsplice_gui.panels.view_panel import ViewPanel
from tests.kvsplice_gui.panels.hands import read, shown, tabbed, write_npz

FIELDS = {
    DataPanel: ("open_button", "capture_button", "tensor", "layer", "head", "axes", "budget"),
    CalibrationPanel: ("method", "k_slider", "k_box", "more", "calibrate_button"),
    MemoryPanel: ("model", "tokens", "batch", "kept", "element", "latent"),
    ViewPanel: ("dims",),
}


@pytest.fixture(params=FIELDS, ids=lambda kind: kind.__name__)
def panel(request, qtbot, tmp_path):
    """Every panel, with data, so that no field is disabled."""
    made = request.param()
    if isinstance(made, DataPanel):
        made.show_dataset(read(write_npz(tmp_path / "f.npz", a=(2, 1, 3, 20, 4), b=(20, 4))))
    if isinstance(made, CalibrationPanel | ViewPanel):
        made.set_dim(64)
    if isinstance(made, CalibrationPanel):
        made.more.click()
    for button in made.findChildren(StartButton):
        button.offer("")
    return shown(qtbot, made)


def help_of(widget):
    """Return the tooltip a mouse over the widget gets: its own, else that of what holds it."""
    while widget is not None and not widget.toolTip():
        widget = widget.parentWidget()
    return "" if widget is None else widget.toolTip()


def test_tab_reaches_every_field_from_top_to_bottom(panel):
    reached = tabbed(panel)
    assert {getattr(panel, name) for name in FIELDS[type(panel)]} <= set(reached)
    if isinstance(panel, CalibrationPanel):
        assert {field.widget for field in panel.fields.values()} <= set(reached)
    corners = [widget.mapTo(panel, QPoint(0, 0)) for widget in reached]
    rows = [(corner.y() + w.height() // 2) // 8 for corner, w in zip(corners, reached, strict=True)]
    assert rows == sorted(rows)


def test_every_field_has_a_tooltip_and_a_name(panel):
    for widget in tabbed(panel):
        assert help_of(widget), widget
        named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
        assert named, widget
