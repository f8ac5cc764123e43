"""Aligned rows of labelled fields, the same in every panel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from PyQt6.QtCore import QLocale, QSignalBlocker, Qt
from PyQt6.QtGui import QValidator, QWheelEvent
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStyledItemDelegate,
    QToolButton,
    QWidget,
)

from kvsplice_core.base import formats
from kvsplice_core.base.options import Option

SIDES = {"v": "V", "k": "K", "both": "V and K"}
"""Names of the sides of a cache, by key."""
MOST = 2**31 - 1
"""The largest number a field holds."""

Number = TypeVar("Number", bound=QAbstractSpinBox)


def help_of(asked: Option, hint: str = "") -> str:
    """Return the help of an option as sentences, with what stands where nothing is set."""
    first = asked.help.partition(" ")[0]
    text = asked.help if first.endswith(":") else f"{asked.help[:1].upper()}{asked.help[1:]}"
    unset = f" Unset: {asked.unset}." if asked.unset else ""
    return f"{text}.{unset}{f' {hint}' if hint else ''}"


class FieldGroup(QGroupBox):
    """A titled group of fields, labels right, fields left and equally wide."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._form = QFormLayout(self)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._form.setContentsMargins(8, 8, 8, 8)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(4)

    def add(self, asked: Option, field: QWidget, hint: str = "") -> None:
        """Add a field with an option's label and help; `hint` says what the window adds to it."""
        label = QLabel(asked.label)
        label.setMinimumWidth(72)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setBuddy(field)
        for widget in (label, field):
            widget.setToolTip(help_of(asked, hint))
        field.setAccessibleName(asked.label)
        field.setAccessibleDescription(help_of(asked, hint))
        self._form.addRow(label, field)

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over both columns."""
        self._form.addRow(widget)

    def add_fold(self, title: str) -> Fold:
        """Add a button that shows and hides the rows it is told to hold; they are hidden."""
        fold = Fold(title, self)
        self.add_wide(fold)
        return fold

    def set_row_visible(self, field: QWidget, visible: bool) -> None:
        """Show or hide a field with its label."""
        self._form.setRowVisible(field, visible)


class Fold(QToolButton):
    """A button over rows that are seldom needed: shows and hides them."""

    def __init__(self, title: str, group: FieldGroup) -> None:
        super().__init__()
        self._group = group
        self._fields: list[QWidget] = []
        self.setText(title)
        self.setToolTip("Show what is seldom set, or hide it")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("role", "quiet")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggled.connect(self._on_toggled)
        self._on_toggled(is_open=False)

    def holds(self, field: QWidget) -> None:
        """Take a row of the group in."""
        self._fields.append(field)
        self._group.set_row_visible(field, self.isChecked())

    def _on_toggled(self, is_open: bool) -> None:
        self.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        for field in self._fields:
            self._group.set_row_visible(field, is_open)


class NumberBox(QSpinBox):
    """A number field that groups digits as the rest of the window does."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the panel it scrolls, unless the field has the keyboard."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)

    def textFromValue(self, value: int) -> str:  # noqa: N802 - Qt's name
        """Write 120000 as 120 000."""
        return formats.count(value)

    def valueFromText(self, text: str | None) -> int:  # noqa: N802 - Qt's name
        """Read a number with or without grouping, and without its suffix."""
        if text and text == self.specialValueText():
            return self.minimum()
        digits = "".join(c for c in (text or "").removesuffix(self.suffix()) if c.isdecimal())
        return int(digits or self.minimum())

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Accept digits and the spaces between them, and what stands for the smallest number."""
        if text and text == self.specialValueText():
            return QValidator.State.Acceptable, text, position
        plain = "".join((text or "").removesuffix(self.suffix()).split())
        number_of = super().validate(plain + self.suffix(), position)
        return number_of[0], text or "", position


class FractionBox(QDoubleSpinBox):
    """A number field with a decimal point and no zeros behind the last digit."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the panel it scrolls, unless the field has the keyboard."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """Write 0.750 as 0.75."""
        return f"{round(value, self.decimals()):g}"


def spin_box(asked: Option, least: int | None = None) -> QSpinBox:
    """Return a number field with an option's range and unit; `least` stands below the range."""
    box = NumberBox()
    low = int(asked.low or 0) if least is None else least
    box.setRange(low, MOST if asked.high is None else int(asked.high))
    box.setSuffix(asked.suffix)
    return plain_number(box)


def plain_number(box: Number) -> Number:
    """Return a number field as every panel has it."""
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    # A number half typed is not a wish yet.
    box.setKeyboardTracking(False)
    box.setMinimumWidth(64)
    return box


class ChoiceBox(QComboBox):
    """A choice that the wheel passes by, unless it has the keyboard."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the panel it scrolls, unless the field has the keyboard."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)


def combo_box() -> QComboBox:
    """Return a choice that may be narrower than its longest item."""
    box = ChoiceBox()
    box.setItemDelegate(QStyledItemDelegate(box))  # one that minds the height of the style sheet
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def fill(box: QComboBox, items: Iterable[tuple[str, object]], chosen: object) -> None:
    """Put (text, value) items into `box` and choose the value `chosen`, without a signal."""
    with QSignalBlocker(box):
        box.clear()
        for text, value in items:
            box.addItem(text, value)
        choose(box, chosen)


def choose(box: QComboBox, value: object) -> None:
    """Choose the item that carries `value`, without a signal."""
    with QSignalBlocker(box):
        for i in range(box.count()):
            if box.itemData(i) == value:
                box.setCurrentIndex(i)
                return


def set_number(box: QSpinBox, value: int) -> None:
    """Show `value` without a signal."""
    with QSignalBlocker(box):
        box.setValue(value)
