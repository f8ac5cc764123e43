"""The title row of a plot: its name, what the crosshair reads, log/linear and a menu."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.look.theme import SPACING, plot_font


class EmptyLabel(QLabel):
    """The sentence in the middle of a plot that has nothing to show.

    Parameters
    ----------
    sentence : str
        What the plot will show, and what to do for it.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.setProperty("role", "muted")
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setContentsMargins(3 * SPACING, 0, 3 * SPACING, 0)


class PlotHeader(QWidget):
    """The row above a plot.

    Parameters
    ----------
    title : str
        What the plot shows, with the unit.
    menu : QMenu
        Opened by the button at the right.
    has_log : bool
        Whether the values may be drawn in a logarithmic scale.
    """

    def __init__(self, title: str, menu: QMenu, has_log: bool) -> None:
        super().__init__()
        self.title = QLabel(title)
        self.title.setProperty("role", "heading")
        self.title.setFont(plot_font())
        self.readout = ElidedLabel()
        self.readout.setFont(plot_font())
        self.log_button = quiet_button("log", "Logarithmic or linear scale (L)")
        self.log_button.setCheckable(True)
        self.log_button.setVisible(has_log)
        self.menu_button = quiet_button("⋯", "Copy, export or reset this plot")
        self.menu_button.setMenu(menu)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()

    def set_readout(self, text: str) -> None:
        """Show `text` at the right of the title; the tooltip has all of it."""
        if text != self.readout.text():
            self.readout.setText(text)
            self.readout.setToolTip(text)

    def add_button(self, button: QToolButton) -> None:
        """Put a button of the plot's own before those that every plot has."""
        self._row.insertWidget(2, button)

    def _lay_out(self) -> None:
        self._row = layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACING, SPACING // 2, SPACING // 2, 0)
        layout.setSpacing(SPACING // 2)
        layout.addWidget(self.title)
        layout.addWidget(self.readout, stretch=1)
        layout.addWidget(self.log_button)
        layout.addWidget(self.menu_button)


def quiet_button(text: str, tooltip: str) -> QToolButton:
    """Return a flat button for a title row; `tooltip` is its name for screen readers too."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setProperty("role", "quiet")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
