"""How to calibrate, and the button that does."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from kvsplice_core.base.options import Entry, Option, option_of, options_of
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import DEVICES, RECIPE_DEFAULTS, CalibrationSpec, RecipeDefaults
from kvsplice_gui.look import parameters
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import (
    FieldGroup,
    choose,
    combo_box,
    fill,
    help_of,
    set_number,
    spin_box,
)
from kvsplice_gui.look.option_fields import OptionField, option_field
from kvsplice_gui.state.kinds import label
from kvsplice_gui.state.wishes import Wishes

# Fields in this order; those of the spec that stand nowhere here are under More.
_SHOWN = (
    "knots",
    "epochs",
    "recipe",
    "curve",
    "knot_placement",
    "axes",
    "coupling",
    "seed",
    "device",
)
_SET_OTHERWISE = ("method", "k")
_FILLED_IN = tuple(field.name for field in fields(RecipeDefaults))
_CHOICES = {"device": DEVICES}
_HINTS = {"knots": "After a result, a change re-calibrates from the present curves."}
_K_HINT = "The same k everywhere. Keys: Ctrl+Left, Ctrl+Right."


class CalibrationPanel(FieldGroup):
    """Methods, k, and every option of a calibration; Calibrate.

    Parameters
    ----------
    spec : type
        The calibration whose options are set.

    Signals
    -------
    changed : dict
        Fields of `Wishes` and of its calibration that a hand changed.
    """

    changed = pyqtSignal(dict)

    def __init__(
        self, spec: type[CalibrationSpec] = CalibrationSpec, parent: QWidget | None = None
    ) -> None:
        super().__init__("Calibration", parent)
        self._entries = {e.name: e for e in options_of(spec) if e.name not in _SET_OTHERWISE}
        self._options = {name: option_of(spec, name) for name in self._entries}
        self.fields = {name: self._field(entry) for name, entry in self._entries.items()}
        self.boxes = {method: QCheckBox(method.label) for method in Method if method.is_learnt}
        self.method = combo_box()
        self.k_slider = QSlider(Qt.Orientation.Horizontal)
        self.k_box = spin_box(option_of(spec, "k"))
        self.calibrate_button = StartButton(
            "Calibrate", "Calibrate every chosen method at every k (Ctrl+R)"
        )
        self.calibrate_button.setProperty("role", "primary")
        self._recipe = spec.recipe
        fill(self.method, ((method.label, method) for method in Method), spec.method)
        self._lay_out(option_of(spec, "k"))
        self._connect()
        self.set_dim(0)

    def _field(self, entry: Entry) -> OptionField:
        # What the recipe fills in is shown as a number.
        is_optional = entry.is_optional and entry.name not in _FILLED_IN
        return option_field(
            replace(entry, is_optional=is_optional),
            self._options[entry.name],
            partial(self._on_chosen, entry.name),
            _CHOICES.get(entry.name, ()),
            label,
        )

    def _lay_out(self, k: Option) -> None:
        methods = QWidget()
        column = QVBoxLayout(methods)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for box in self.boxes.values():
            column.addWidget(box)
        self.add(option_of(SweepSpec, "methods"), methods)
        self.add(parameters.METHOD, self.method)
        self.add(k, _row(self.k_slider, self.k_box), _K_HINT)
        for field in (self.k_slider, self.k_box):
            field.setAccessibleName(k.label)
        for name in _SHOWN:
            self._add(name)
        self.more = self.add_fold("More")
        for name in self.fields:
            if name not in _SHOWN:
                self._add(name)
                self.more.holds(self.fields[name].widget)
        self.add_wide(self.calibrate_button)

    def _add(self, name: str) -> None:
        self.add(self._options[name], self.fields[name].widget, _HINTS.get(name, ""))

    def _connect(self) -> None:
        for box in self.boxes.values():
            box.toggled.connect(self._on_methods_toggled)
        self.method.activated.connect(lambda i: self._emit(method=self.method.itemData(i)))
        self.k_slider.valueChanged.connect(lambda value: self._emit(k=value))
        self.k_box.valueChanged.connect(lambda value: self._emit(k=value))

    def show_wishes(self, wishes: Wishes) -> None:
        """Show the wishes; writes nothing back."""
        for method, box in self.boxes.items():
            with QSignalBlocker(box):
                box.setChecked(method in wishes.methods)
        choose(self.method, wishes.method)
        self._recipe = wishes.calibration.recipe
        self.show_k(wishes.k)
        for name, field in self.fields.items():
            field.show(getattr(wishes.calibration, name))
            self._offer(name, {method.key for method in (*wishes.methods, wishes.method)})

    def _offer(self, name: str, methods: set[str]) -> None:
        """Let a field be set where one of `methods` heeds it, and say where none does."""
        widget, asked = self.fields[name].widget, self._options[name]
        is_heeded = not asked.heeded_by or not methods.isdisjoint(asked.heeded_by)
        widget.setEnabled(is_heeded)
        needed = " or ".join(Method.of(key).label for key in asked.heeded_by)
        wanting = "" if is_heeded else f"\nCompare {needed} to use it."
        widget.setToolTip(f"{help_of(asked, _HINTS.get(name, ''))}{wanting}")

    def show_k(self, k: int) -> None:
        """Show the chosen k."""
        set_number(self.k_box, k)
        with QSignalBlocker(self.k_slider):
            self.k_slider.setValue(k)

    def set_dim(self, dim: int) -> None:
        """Let k reach the dimension of the data; 0 when there is none."""
        for field in (self.k_slider, self.k_box):
            with QSignalBlocker(field):
                field.setRange(1, max(1, dim))
            field.setEnabled(dim > 0)
        self.k_box.setSuffix(f" of {dim}" if dim else "")

    def _on_methods_toggled(self) -> None:
        chosen = (m for m in Method if m is Method.PCA or self.boxes[m].isChecked())
        self._emit(methods=tuple(chosen))

    def _on_chosen(self, name: str, value: Any) -> None:  # noqa: ANN401 - of the option's type
        if name != "recipe":
            self._emit(**{name: value})
        elif value is not self._recipe:  # chosen again: the knots and epochs a hand set stay
            self._emit(recipe=value, **vars(RECIPE_DEFAULTS[value]))

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of Wishes
        self.changed.emit(changes)


def _row(first: QWidget, second: QWidget | QSpinBox) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(first, 1)
    row.addWidget(second)
    holder.setFocusProxy(first)
    return holder
