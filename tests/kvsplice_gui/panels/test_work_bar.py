"""The status bar's work: what goes on, how far it is, and the way to stop it."""

from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.panels.work_bar import WorkBar
from kvsplice_gui.work.busy import IDLE, Busy, Progress
from tests.kvsplice_gui.panels.hands import record

BUSY = Busy("curve", "Measuring quality")
CANCELLING = replace(BUSY, is_cancelling=True)


@pytest.fixture
def place(qtbot):
    """A start button, a field and the bar in one window."""
    holder = QWidget()
    holder.start, holder.field, holder.bar = StartButton("Measure", "help"), QLineEdit(), WorkBar()
    row = QHBoxLayout(holder)
    for widget in (holder.start, holder.field, holder.bar):
        row.addWidget(widget)
    holder.start.offer("")
    qtbot.addWidget(holder)
    holder.show()
    holder.activateWindow()
    return holder


@pytest.fixture
def bar(place):
    return place.bar


def test_it_is_there_while_anything_is_done_and_only_then(bar):
    assert not bar.isVisible()
    bar.show_busy(BUSY)
    assert bar.isVisible()
    bar.show_busy(CANCELLING)
    assert bar.isVisible()
    bar.show_busy(IDLE)
    assert not bar.isVisible()


def test_it_says_what_how_far_and_how_long(bar):
    bar.show_busy(BUSY)
    assert bar.text.text() == "Measuring quality"
    assert bar.bar.maximum() == 0  # a bar that runs to and fro
    bar.show_progress(Progress("PCA k = 8", 0.25, "12 s left"))
    assert bar.text.text() == bar.text.toolTip() == "Measuring quality · PCA k = 8"
    assert bar.bar.value() / bar.bar.maximum() == 0.25
    assert bar.left.text() == "12 s left"
    bar.show_busy(Busy("read", "Reading"))
    assert (bar.text.text(), bar.left.text(), bar.bar.maximum()) == ("Reading", "", 0)


def test_cancelling_leaves_the_progress_and_cannot_be_asked_for_twice(qtbot, bar):
    asked = record(bar.cancel_requested)
    bar.show_busy(BUSY)
    bar.show_progress(Progress("PCA k = 8", 0.25, "12 s left"))
    qtbot.mouseClick(bar.cancel_button, Qt.MouseButton.LeftButton)
    bar.show_busy(CANCELLING)
    assert bar.cancel_button.text() == "Cancelling…"
    qtbot.mouseClick(bar.cancel_button, Qt.MouseButton.LeftButton)
    assert len(asked) == 1
    assert bar.text.text() == "Measuring quality · PCA k = 8"
    bar.show_busy(IDLE)
    bar.show_busy(BUSY)
    assert (bar.cancel_button.text(), bar.cancel_button.isEnabled()) == ("Cancel", True)


@pytest.mark.parametrize("cancelled", [True, False])
def test_the_keyboard_goes_from_start_to_cancel_and_back(place, bar, cancelled):
    place.start.setFocus()
    bar.show_busy(BUSY)
    place.start.offer(BUSY.why_not)
    assert place.focusWidget() is bar.cancel_button
    if cancelled:
        bar.show_busy(CANCELLING)
        assert place.focusWidget() is not place.field
    bar.show_busy(IDLE)
    place.start.offer("")
    assert place.focusWidget() is place.start


def test_a_hand_elsewhere_is_left_alone(place, bar):
    place.field.setFocus()
    bar.show_busy(BUSY)
    assert place.focusWidget() is place.field
    bar.show_busy(IDLE)
    assert place.focusWidget() is place.field
