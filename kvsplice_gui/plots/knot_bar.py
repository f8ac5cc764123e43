"""The row over the spline plot while its knots can be taken hold of."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from kvsplice_gui.look import parameters
from kvsplice_gui.look.fields import choose, combo_box, fill, help_of
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.plots.header import quiet_button
from kvsplice_gui.state.knot_edits import KnotEdits

EDIT_HELP = "Take hold of the knots (Ctrl+B)"


class KnotBar(QWidget):
    """Whose knots, undo, redo, reset, and learning from here.

    Signals
    -------
    dim_chosen : int or None
        Whose knots are to be taken; None for every dimension's.
    """

    dim_chosen = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.dims = combo_box()
        self.dims.setToolTip(help_of(parameters.KNOTS_OF))
        self.dims.setAccessibleName(parameters.KNOTS_OF.label)
        self.undo = quiet_button("Undo", "Undo the last edit of the knots (Ctrl+Z)")
        self.redo = quiet_button("Redo", "Do it again (Ctrl+Shift+Z)")
        self.reset = quiet_button("Reset", "Back to the knots as they were calibrated")
        self.learn = quiet_button(
            "Learn from here",
            "Let it learn from here: calibration at the chosen k goes on (Ctrl+J)",
        )
        self._shown: tuple[int, ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING, 0, SPACING // 2, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self.dims, 1)
        for button in self.buttons:
            row.addWidget(button)
        self.dims.activated.connect(lambda i: self.dim_chosen.emit(self.dims.itemData(i)))
        self.setVisible(False)

    @property
    def buttons(self) -> tuple[QToolButton, ...]:
        """The buttons, from left to right."""
        return (self.undo, self.redo, self.reset, self.learn)

    def show_edits(self, edits: KnotEdits, shown: tuple[int, ...], *, are_moved: bool) -> None:
        """Show what can be done; `shown` are the dimensions whose curves are drawn."""
        self.setVisible(edits.is_open)
        if shown != self._shown:
            self._shown = shown
            names = [(f"Knots of dim {dim}", dim) for dim in shown]
            fill(self.dims, [*names, ("Knots of every dimension", None)], edits.dim)
        choose(self.dims, edits.dim)
        is_free = edits.held is None and not are_moved
        self.undo.setEnabled(bool(edits.undo_name) and is_free)
        self.redo.setEnabled(bool(edits.redo_name) and is_free)
        self.reset.setEnabled(edits.is_edited and is_free)
        self.learn.setEnabled(not are_moved)
