"""The field that an option of a spec is set by: made from its type, its range and its choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import QCheckBox, QLineEdit, QWidget

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import Entry, Option
from kvsplice_core.base.options import text_of as word_of
from kvsplice_gui.look.fields import (
    FractionBox,
    choose,
    combo_box,
    fill,
    plain_number,
    set_number,
    spin_box,
)

_STEP = 0.05
_DECIMALS = 3
_LONGEST_UNSET = 16  # characters; what is longer stands in the tooltip
_AUTO = "auto"

Said = Callable[[Any], None]
Named = Callable[[Any], str]


class OptionField(Protocol):
    """A field of one option."""

    @property
    def widget(self) -> QWidget:
        """What is put into a panel."""

    def show(self, value: Any) -> None:  # noqa: ANN401 - of the option's type
        """Show a value without a signal."""


class NumberField:
    """An integer; where it may be unset, that stands below its range."""

    def __init__(self, asked: Option, said: Said, *, is_optional: bool) -> None:
        self._unset = int(asked.low or 0) - 1 if is_optional else None
        self.widget = spin_box(asked, self._unset)
        if is_optional:
            is_short = 0 < len(asked.unset) <= _LONGEST_UNSET
            self.widget.setSpecialValueText(asked.unset if is_short else _AUTO)
        self.widget.valueChanged.connect(
            lambda number: said(None if number == self._unset else number)
        )

    def show(self, value: int | None) -> None:
        """Show a number without a signal."""
        set_number(self.widget, cast("int", self._unset if value is None else value))


class FractionField:
    """A number with decimals, within its range."""

    def __init__(self, asked: Option, said: Said) -> None:
        self.widget = plain_number(FractionBox())
        self.widget.setDecimals(_DECIMALS)
        self.widget.setSingleStep(_STEP)
        self.widget.setRange(*_ends(asked))
        self.widget.setSuffix(asked.suffix)
        self.widget.valueChanged.connect(said)

    def show(self, value: float) -> None:
        """Show a number without a signal."""
        with QSignalBlocker(self.widget):
            self.widget.setValue(value)


class ChoiceField:
    """One of a few values."""

    def __init__(self, values: tuple[Any, ...], said: Said, named: Named) -> None:
        self.widget = combo_box()
        fill(self.widget, ((named(value), value) for value in values), values[0])
        self.widget.activated.connect(lambda i: said(self.widget.itemData(i)))

    def show(self, value: object) -> None:
        """Choose a value without a signal."""
        choose(self.widget, value)


class SwitchField:
    """Yes or no."""

    def __init__(self, said: Said) -> None:
        self.widget = QCheckBox()
        self.widget.clicked.connect(said)

    def show(self, value: bool) -> None:
        """Tick the box or not, without a signal."""
        with QSignalBlocker(self.widget):
            self.widget.setChecked(value)


class TextField:
    """Text that stands for a value, or for a list with commas; what stands for none is put back."""

    def __init__(self, entry: Entry, said: Said) -> None:
        self._entry, self._said, self._shown = entry, said, ""
        self.widget = QLineEdit()
        self.widget.setAcceptDrops(False)  # a file dropped here is for the window
        self.widget.editingFinished.connect(self._on_finished)

    def show(self, value: object) -> None:
        """Show a value without a signal."""
        self._shown = "" if value is None else word_of(value)
        self.widget.setText(self._shown)

    def _on_finished(self) -> None:
        text = self.widget.text().strip()
        if text == self._shown:
            return
        try:
            is_unset = self._entry.is_optional and not text
            self._said(None if is_unset else self._entry.read(text))
        except SpecError:
            self.widget.setText(self._shown)


def option_field(
    entry: Entry,
    asked: Option,
    said: Said,
    choices: tuple[str, ...] = (),
    named: Named = str,
) -> OptionField:
    """Return the field that an option is set by.

    Parameters
    ----------
    entry : Entry
    asked : Option
        Its option.
    said : callable
        Gets what a hand set, of the option's type.
    choices : tuple of str
        Words to choose among where the option leaves its words open.
    named : callable
        How a choice is written.
    """
    words = choices or entry.choices
    if words and not entry.is_list:
        return ChoiceField(tuple(entry.read(word) for word in words), said, named)
    if entry.kind is bool:
        return SwitchField(said)
    if entry.kind is int and not entry.is_list:
        return NumberField(asked, said, is_optional=entry.is_optional)
    if entry.kind is float and not entry.is_list and not entry.is_optional:
        return FractionField(asked, said)
    return TextField(entry, said)


def _ends(asked: Option) -> tuple[float, float]:
    """Return the ends of a range in which every number that can be set is allowed."""
    least = 10**-_DECIMALS
    low = asked.low if asked.above is None else asked.above + least
    high = asked.high if asked.below is None else asked.below - least
    return 0.0 if low is None else low, 1e9 if high is None else high
