"""Aligned rows of labelled fields, the same in every panel."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QSignalBlocker, Qt
from PyQt6.QtGui import QValidator, QWheelEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStyledItemDelegate,
    QWidget,
)

from kvsplice_core.base import formats
from kvsplice_gui.look.parameters import Parameter

SIDES = {"v": "V", "k": "K", "both": "V and K"}
"""Names of the sides of a cache, by key."""


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

    def add(self, parameter: Parameter, field: QWidget) -> None:
        """Add a field with the parameter's label and tooltip."""
        label = QLabel(parameter.label)
        label.setMinimumWidth(72)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setBuddy(field)
        for widget in (label, field):
            widget.setToolTip(parameter.help)
        field.setAccessibleName(parameter.label)
        field.setAccessibleDescription(parameter.help)
        self._form.addRow(label, field)

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over both columns."""
        self._form.addRow(widget)

    def set_row_visible(self, field: QWidget, visible: bool) -> None:
        """Show or hide a field with its label."""
        self._form.setRowVisible(field, visible)


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
        digits = "".join(c for c in (text or "").removesuffix(self.suffix()) if c.isdecimal())
        return int(digits or self.minimum())

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Accept digits and the spaces between them."""
        plain = "".join((text or "").removesuffix(self.suffix()).split())
        number_of = super().validate(plain + self.suffix(), position)
        return number_of[0], text or "", position


def spin_box(parameter: Parameter) -> QSpinBox:
    """Return a number field with the parameter's range and unit."""
    box = NumberBox()
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setRange(parameter.minimum, parameter.maximum)
    box.setSuffix(parameter.suffix)
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
