"""What to solve for: a budget or a largest loss, of V, of K or of both."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QLabel, QLineEdit, QRadioButton, QWidget

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import Option, option_of
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_gui.look import parameters
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import SIDES, FieldGroup, combo_box, fill, help_of
from kvsplice_gui.readouts.solve import BY_BITS, parse_number
from kvsplice_gui.state.wishes import FrontierWish, SolveWish, Wishes

_NUMBER_PX = 56
_NO_KEY_BITS = "as V"


class SolvePanel(FieldGroup):
    """Bound, its number, sides, the budget of K; Solve.

    Signals
    -------
    changed : dict
        Fields of `SolveWish` a hand changed.
    budget_typed : float
        Bits per value a hand typed.
    """

    changed = pyqtSignal(dict)
    budget_typed = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Solve", parent)
        self.by_bits = QRadioButton(parameters.SOLVE_BITS.label)
        self.bits = _number(parameters.SOLVE_BITS)
        self.by_loss = QRadioButton(f"{option_of(SolveWish, 'max_dnll').label}, nats per token")
        self.max_dnll = _number(option_of(SolveWish, "max_dnll"))
        self.side, self.key_bits = combo_box(), QLineEdit()
        self.problem, self.button = QLabel(), StartButton(BY_BITS)
        self._wishes = Wishes()
        self._facts: CaptureFacts | None = None
        self._lay_out()
        self._connect()
        self.show_problem("")
        self.show_wish(self._wishes)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        rows = ((self.by_bits, self.bits), (self.by_loss, self.max_dnll))
        for row, (choice, number) in enumerate(rows):
            grid.addWidget(choice, row, 0)
            grid.addWidget(number, row, 1)
        self.by_bits.setToolTip(help_of(parameters.SOLVE_BITS))
        self.by_loss.setToolTip(help_of(option_of(SolveWish, "max_dnll")))
        self.key_bits.setAcceptDrops(False)
        self.key_bits.setPlaceholderText(_NO_KEY_BITS)
        self.problem.setProperty("role", "error")
        self.problem.setWordWrap(True)
        self.problem.setMinimumWidth(1)
        bounds = QWidget()
        bounds.setLayout(grid)
        self.add_wide(bounds)
        self.add(option_of(SolveWish, "side"), self.side)
        self.add(option_of(SolveWish, "key_bits"), self.key_bits)
        self.add_wide(self.problem)
        self.add_wide(self.button)

    def _connect(self) -> None:
        self.by_loss.toggled.connect(lambda on: self._emit(by_loss=on))
        self.side.activated.connect(lambda i: self._emit(side=self.side.itemData(i)))
        self.bits.editingFinished.connect(self._on_bits_finished)
        self.max_dnll.editingFinished.connect(self._on_max_dnll_finished)
        self.key_bits.editingFinished.connect(self._on_key_bits_finished)

    # -- showing ------------------------------------------------------------------------------

    def show_wish(self, wishes: Wishes) -> None:
        """Show what is wished; emits nothing."""
        self._wishes = wishes
        wish = wishes.solve
        with QSignalBlocker(self.by_bits), QSignalBlocker(self.by_loss):
            (self.by_loss if wish.by_loss else self.by_bits).setChecked(True)
        shown = {
            self.bits: f"{wishes.frontier.budget:.3g}",
            self.max_dnll: f"{wish.max_dnll:g}",
            self.key_bits: "" if wish.key_bits is None else f"{wish.key_bits:g}",
        }
        for field, text in shown.items():
            if not field.isModified():  # what is half typed is left alone
                field.setText(text)
        self._show_availability()

    def show_capture(self, facts: CaptureFacts | None) -> None:
        """Offer the sides that the open capture holds; None disables everything."""
        self._facts = facts
        self._show_availability()

    def show_problem(self, sentence: str) -> None:
        """Say what was typed wrong; an empty sentence takes it away."""
        self.problem.setText(f"{sentence[:1].upper()}{sentence[1:]}." if sentence else "")
        self.problem.setVisible(bool(sentence))

    def _show_availability(self) -> None:
        facts, wish = self._facts, self._wishes.solve
        chosen = "v" if facts is None else wish.sides_of(facts).value
        held = "v" if facts is None else facts.sides.value
        sides = ("v", "k", "both") if held == "both" else (held,)
        fill(self.side, ((SIDES[side], side) for side in sides), chosen)
        for field in (self.by_bits, self.by_loss, self.side):
            field.setEnabled(facts is not None)
        self.bits.setEnabled(facts is not None and not wish.by_loss)
        self.max_dnll.setEnabled(facts is not None and wish.by_loss)
        self.set_row_visible(self.key_bits, chosen == "both" and not wish.by_loss)

    # -- answering ------------------------------------------------------------------------------

    def _on_bits_finished(self) -> None:
        number = self._typed(self.bits, "bits per value", FrontierWish.budget)
        if number is not None:
            self.budget_typed.emit(number)

    def _on_max_dnll_finished(self) -> None:
        number = self._typed(self.max_dnll, "the largest ΔNLL", SolveWish.max_dnll)
        if number is not None:
            self._emit(max_dnll=number)

    def _on_key_bits_finished(self) -> None:
        if self.key_bits.isModified() and not self.key_bits.text().strip():
            self.key_bits.setModified(False)
            self._emit(key_bits=None)
            return
        number = self._typed(self.key_bits, "bits per value of K", 4)
        if number is not None:
            self._emit(key_bits=number)

    def _typed(self, field: QLineEdit, name: str, example: float) -> float | None:
        """Return the number a hand typed; None for none, or for what is no number."""
        if not field.isModified():
            return None
        field.setModified(False)
        self.show_problem("")
        try:
            return parse_number(field.text(), name, example)
        except SpecError as error:
            self.show_wish(self._wishes)
            self.show_problem(str(error))
            return None

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of SolveWish
        self.show_problem("")
        self.changed.emit(changes)


def _number(parameter: Option) -> QLineEdit:
    line = QLineEdit()
    line.setAcceptDrops(False)  # a file dropped here is for the window
    line.setFixedWidth(_NUMBER_PX)
    line.setToolTip(help_of(parameter))
    line.setAccessibleName(parameter.label)
    line.setAccessibleDescription(help_of(parameter))
    return line
