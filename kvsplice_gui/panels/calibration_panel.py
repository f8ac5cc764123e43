"""How to calibrate, and the button that does."""

from __future__ import annotations

from enum import StrEnum
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

from kvsplice_core.codec.kinds import CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.tasks.training import DEVICES, RECIPE_DEFAULTS
from kvsplice_gui.look import parameters
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import FieldGroup, choose, combo_box, fill, set_number, spin_box
from kvsplice_gui.look.parameters import Parameter
from kvsplice_gui.state.kinds import AXES_CHOICES, label
from kvsplice_gui.state.wishes import Wishes

# The fields of `Wishes` that shape a transform, each with its parameter and its choices.
_KINDS: dict[str, tuple[Parameter, tuple[StrEnum, ...]]] = {
    "curve": (parameters.CURVE, tuple(Curve)),
    "knot_placement": (parameters.PLACEMENT, tuple(KnotPlacement)),
    "axes": (parameters.TRANSFORM_AXES, AXES_CHOICES),
    "coupling": (parameters.COUPLING, tuple(CouplingKind)),
}


class CalibrationPanel(FieldGroup):
    """Methods, k, knots, epochs, recipe, kinds, seed and device; Calibrate.

    Signals
    -------
    changed : dict
        Fields of `Wishes` a hand changed.
    """

    changed = pyqtSignal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Calibration", parent)
        self.boxes = {method: QCheckBox(method.label) for method in Method if method.is_learnt}
        self.method, self.recipe, self.device = combo_box(), combo_box(), combo_box()
        self.kinds = {name: combo_box() for name in _KINDS}
        self.k_slider = QSlider(Qt.Orientation.Horizontal)
        self.k_box = spin_box(parameters.K)
        self.knots = spin_box(parameters.KNOTS)
        self.epochs = spin_box(parameters.EPOCHS)
        self.seed = spin_box(parameters.SEED)
        self.calibrate_button = StartButton(
            "Calibrate", "Calibrate every chosen method at every k (Ctrl+R)"
        )
        self.calibrate_button.setProperty("role", "primary")
        self._recipe = Recipe.JOINT
        for field in (self.k_slider, self.k_box):
            field.setAccessibleName(parameters.K.label)
        self._lay_out()
        self._fill_choices()
        self._connect()
        self.set_dim(0)

    def _lay_out(self) -> None:
        methods = QWidget()
        column = QVBoxLayout(methods)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for box in self.boxes.values():
            column.addWidget(box)
        self.add(parameters.METHODS, methods)
        self.add(parameters.METHOD, self.method)
        self.add(parameters.K, _row(self.k_slider, self.k_box))
        self.add(parameters.KNOTS, self.knots)
        self.add(parameters.EPOCHS, self.epochs)
        self.add(parameters.RECIPE, self.recipe)
        for name, (parameter, _) in _KINDS.items():
            self.add(parameter, self.kinds[name])
        self.add(parameters.SEED, self.seed)
        self.add(parameters.DEVICE, self.device)
        self.add_wide(self.calibrate_button)

    def _fill_choices(self) -> None:
        fill(self.method, ((method.label, method) for method in Method), Method.SPLINE)
        fill(self.recipe, ((recipe.value, recipe) for recipe in Recipe), Recipe.JOINT)
        fill(self.device, ((device, device) for device in DEVICES), DEVICES[0])
        for name, (_, choices) in _KINDS.items():
            fill(self.kinds[name], ((label(choice), choice) for choice in choices), choices[0])

    def _connect(self) -> None:
        for box in self.boxes.values():
            box.toggled.connect(self._on_methods_toggled)
        self.method.activated.connect(lambda i: self._emit(method=self.method.itemData(i)))
        self.k_slider.valueChanged.connect(lambda value: self._emit(k=value))
        self.k_box.valueChanged.connect(lambda value: self._emit(k=value))
        self.knots.valueChanged.connect(lambda value: self._emit(knots=value))
        self.epochs.valueChanged.connect(lambda value: self._emit(epochs=value))
        self.seed.valueChanged.connect(lambda value: self._emit(seed=value))
        self.device.activated.connect(lambda i: self._emit(device=self.device.itemData(i)))
        self.recipe.activated.connect(self._on_recipe_activated)
        for name, choice in self.kinds.items():
            choice.activated.connect(partial(self._on_kind_activated, name))

    def show_wishes(self, wishes: Wishes) -> None:
        """Show the wishes; writes nothing back."""
        for method, box in self.boxes.items():
            with QSignalBlocker(box):
                box.setChecked(method in wishes.methods)
        choose(self.method, wishes.method)
        choose(self.recipe, wishes.calibration.recipe)
        self._recipe = wishes.calibration.recipe
        choose(self.device, wishes.calibration.device)
        self._show_kinds(wishes)
        self.show_k(wishes.k)
        set_number(self.knots, wishes.calibration.resolved_knots)
        set_number(self.epochs, wishes.calibration.resolved_epochs)
        set_number(self.seed, wishes.calibration.seed)

    def _show_kinds(self, wishes: Wishes) -> None:
        for name, (parameter, _) in _KINDS.items():
            methods = tuple(method for method in Method if name in method.heeds)
            box, heeded = self.kinds[name], not set(methods).isdisjoint(wishes.methods)
            choose(box, getattr(wishes.calibration, name))
            box.setEnabled(heeded)
            needed = " or ".join(method.label for method in methods)
            wanting = "" if heeded else f"\nCompare {needed} to use it."
            box.setToolTip(f"{parameter.help}{wanting}")

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

    def _on_recipe_activated(self, index: int) -> None:
        recipe = self.recipe.itemData(index)
        if recipe is self._recipe:
            return  # chosen again: the knots and epochs a hand set stay
        defaults = RECIPE_DEFAULTS[recipe]
        self._emit(recipe=recipe, knots=defaults.knots, epochs=defaults.epochs)

    def _on_kind_activated(self, name: str, index: int) -> None:
        self._emit(**{name: self.kinds[name].itemData(index)})

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
