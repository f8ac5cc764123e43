"""The button that solves, or cancels while it works."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QPushButton, QWidget

from kvsplice_gui.readouts.solve import BY_BITS


@dataclass(frozen=True)
class SolveOffer:
    """What the button offers.

    Parameters
    ----------
    label : str
        What it is called when idle.
    help_text : str
        What it does, or why it cannot.
    can_solve, running, cancelling : bool
    """

    label: str
    help_text: str = ""
    can_solve: bool = False
    running: bool = False
    cancelling: bool = False


class SolveButton(QPushButton):
    """Solves; cancels what it has started.

    Signals
    -------
    solve_requested, cancel_requested : ()
    """

    solve_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offer = SolveOffer(BY_BITS)
        self.show_offer(self._offer)
        self.clicked.connect(self._on_clicked)

    def show_offer(self, offer: SolveOffer) -> None:
        """Show what can be done now."""
        self._offer = offer
        working = "Cancelling…" if offer.cancelling else "Cancel"
        self.setText(working if offer.running else offer.label)
        self.setToolTip("Stop; the last result stays (Esc)" if offer.running else offer.help_text)
        self.setEnabled(not offer.cancelling if offer.running else offer.can_solve)
        # What stands beside it must not move when it says Cancel.
        self.setMinimumWidth(max(self.minimumWidth(), self.sizeHint().width()))

    def _on_clicked(self) -> None:
        (self.cancel_requested if self._offer.running else self.solve_requested).emit()
