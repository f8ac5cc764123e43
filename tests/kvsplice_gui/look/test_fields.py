"""Fields: grouped numbers, quiet setters, help on every one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QValidator, QWheelEvent
from PyQt6.QtWidgets import QApplication, QLabel, QLineEdit

from kvsplice_core.base.options import Option, entries, option_of
from kvsplice_gui.look import parameters
from kvsplice_gui.look.fields import (
    FieldGroup,
    choose,
    combo_box,
    fill,
    help_of,
    set_number,
    spin_box,
)
from kvsplice_gui.state.wishes import MemoryWish, Wishes
from tests.kvsplice_gui.panels.hands import record, shown, tabbed, texts, type_number

NUMBER = Option("N", "a number", low=0, high=10_000_000, suffix=" things")


@pytest.fixture
def box(qtbot):
    made = spin_box(NUMBER)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize(
    "text",
    ["1024", "1 024", "1\u202f024", "1\u00a0024", "1,024", "1024 things", "1\u202f024 things"],
)
def test_a_number_is_read_however_it_is_grouped(qtbot, box, text):
    said = record(box.valueChanged)
    box.lineEdit().setText(text)
    box.interpretText()
    assert box.value() == 1024
    assert said == [(1024,)]
    assert box.text() == "1\u202f024 things"


@given(value=st.integers(NUMBER.low, NUMBER.high), suffix=st.sampled_from(["", " of 64"]))
def test_what_is_written_is_read_back(qapp, value, suffix):
    box = spin_box(NUMBER)
    box.setSuffix(suffix)
    text = box.textFromValue(value) + suffix
    assert box.validate(text, 0) == (QValidator.State.Acceptable, text, 0)
    assert box.valueFromText(text) == value


@pytest.mark.parametrize("text", ["-5", "1.5", "x", "1e3", "12 thing", "3 of 64"])
def test_what_is_no_number_cannot_be_typed(box, text):
    assert box.validate(text, 0)[0] is QValidator.State.Invalid


@pytest.mark.parametrize("text", ["", " things"])
def test_an_emptied_field_keeps_its_number(qtbot, box, text):
    box.setValue(7)
    said = record(box.valueChanged)
    box.lineEdit().setText(text)
    box.interpretText()
    assert (box.value(), said) == (7, [])


def test_a_number_above_the_range_is_not_taken(qtbot, box):
    box.setValue(7)
    type_number(qtbot, box, "99999999")
    assert box.value() <= NUMBER.high


def test_typing_is_a_wish_only_when_it_is_done(qtbot, box):
    said = record(box.valueChanged)
    box.lineEdit().setText("")
    qtbot.keyClicks(box, "128")
    assert said == []
    box.interpretText()
    box.editingFinished.emit()
    assert said == [(128,)]


def test_a_special_text_stands_for_the_smallest_number(qtbot):
    box = spin_box(option_of(MemoryWish, "kept_tokens"), 0)
    qtbot.addWidget(box)
    box.setSpecialValueText("all tokens")
    box.setValue(391)
    assert box.text() == "391 tokens"
    said = record(box.valueChanged)
    type_number(qtbot, box, "0")
    assert said == [(0,)]
    assert box.text() == "all tokens"
    box.interpretText()
    box.stepBy(1)
    assert said == [(0,), (1,)]


def test_setters_are_quiet(qtbot, box):
    choice = combo_box()
    qtbot.addWidget(choice)
    said = [record(s) for s in (box.valueChanged, choice.currentIndexChanged, choice.activated)]
    set_number(box, 12)
    fill(choice, (("a", 1), ("b", 2)), 2)
    choose(choice, 1)
    assert (box.value(), choice.currentText(), texts(choice)) == (12, "a", ["a", "b"])
    assert said == [[], [], []]


def test_filling_again_replaces_the_items(qtbot):
    choice = combo_box()
    qtbot.addWidget(choice)
    fill(choice, (("a", 1), ("b", 2)), 2)
    fill(choice, (("c", 3),), 2)
    assert (texts(choice), choice.currentData()) == (["c"], 3)


def test_an_unknown_value_changes_no_choice(qtbot):
    choice = combo_box()
    qtbot.addWidget(choice)
    fill(choice, (("a", 1), ("b", 2)), 2)
    choose(choice, 3)
    assert choice.currentData() == 2


def test_a_row_has_its_label_and_help_and_can_be_hidden(qtbot):
    group, line = FieldGroup("Title"), QLineEdit()
    qtbot.addWidget(group)
    group.add(NUMBER, line)
    label = group.findChild(QLabel)
    assert (label.text(), label.buddy()) == ("N", line)
    assert label.toolTip() == line.toolTip() == line.accessibleDescription() == "A number."
    group.show()
    group.set_row_visible(line, False)
    assert not label.isVisible()
    assert not line.isVisible()


APART = {name: one for name, one in vars(parameters).items() if isinstance(one, Option)}
WISHED = {
    f"{kind.__name__}.{entry.name}": entry.option
    for kind in (Wishes, *(entry.kind for entry in entries(Wishes) if entry.part is not None))
    for entry in entries(kind)
    if entry.option is not None
}
ALL = APART | WISHED


@pytest.mark.parametrize("name", ALL)
def test_every_option_of_the_window_is_explained(name):
    asked = ALL[name]
    assert asked.label
    assert re.fullmatch(r"\S.*[^.]\.", help_of(asked))
    assert asked.low is None or asked.high is None or asked.low <= asked.high


def test_help_is_whole_sentences_and_says_what_unset_stands_for():
    assert help_of(Option("N", "tokens a step", unset="all")) == "Tokens a step. Unset: all."
    assert help_of(Option("N", "joint: together")) == "joint: together."
    assert help_of(Option("N", "a number"), "Twice.") == "A number. Twice."


def turn_wheel(widget):
    middle = QPointF(widget.rect().center())
    down = QWheelEvent(
        middle, widget.mapToGlobal(middle), QPoint(0, 0), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(widget, down)
    return down.isAccepted()


@pytest.mark.parametrize("with_keyboard", [False, True])
def test_the_wheel_passes_a_choice_unless_it_has_the_keyboard(qtbot, with_keyboard):
    panel, box = FieldGroup("Panel"), combo_box()
    fill(box, ((name, name) for name in "abc"), "a")
    panel.add(Option("Choice", "one of three"), box)
    shown(qtbot, panel)
    panel.activateWindow()
    (box.setFocus if with_keyboard else box.clearFocus)()
    qtbot.waitUntil(lambda: box.hasFocus() == with_keyboard)
    assert turn_wheel(box) == with_keyboard
    assert box.currentText() == ("b" if with_keyboard else "a")


@pytest.fixture
def folded(qtbot):
    group, first, second = FieldGroup("Title"), QLineEdit(), QLineEdit()
    qtbot.addWidget(group)
    group.add(NUMBER, first)
    fold = group.add_fold("More")
    group.add(NUMBER, second)
    fold.holds(second)
    return shown(qtbot, group), fold, second


def test_a_fold_is_closed_until_the_keyboard_opens_it(qtbot, folded):
    group, fold, inside = folded
    assert not inside.isVisible()
    assert fold in tabbed(group)
    qtbot.keyClick(fold, Qt.Key.Key_Space)
    assert inside.isVisible()
    assert inside in tabbed(group)
    qtbot.keyClick(fold, Qt.Key.Key_Space)
    assert not inside.isVisible()
