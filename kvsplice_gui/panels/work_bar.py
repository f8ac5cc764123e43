"""How far the work in the background is, and the button that cancels it: in the status bar."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QSizePolicy, QWidget

from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.work.busy import IDLE, Busy, Progress

_WIDTH, _BAR_WIDTH = 80 * SPACING, 14 * SPACING
_STEPS = 1000


class WorkBar(QWidget):
    """Activity and stage, a bar, the time left, and Cancel; shown while anything is done.

    Signals
    -------
    cancel_requested
        The button.
    """

    cancel_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.text = ElidedLabel("muted")
        self.bar, self.left = QProgressBar(), ElidedLabel("muted", Qt.AlignmentFlag.AlignVCenter)
        self.cancel_button = QPushButton("Cancel")
        self._busy = IDLE
        self._starter: StartButton | None = None
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(_BAR_WIDTH)
        self.bar.setAccessibleName("Progress")
        self.left.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.left.setFixedWidth(20 * SPACING)
        self.cancel_button.setToolTip("Stop; what is finished stays (Esc)")
        self.cancel_button.clicked.connect(self.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self.text, 1)
        for widget in (self.bar, self.left, self.cancel_button):
            row.addWidget(widget)
        self.setFixedWidth(_WIDTH)
        self.hide()

    def show_busy(self, busy: Busy) -> None:
        """Show what is going on."""
        if busy.key != self._busy.key:
            self.show_progress(Progress(""), busy)
        self._busy = busy
        self.cancel_button.setText("Cancelling…" if busy.is_cancelling else "Cancel")
        self._hand_over(busy)
        self.cancel_button.setEnabled(bool(busy) and not busy.is_cancelling)
        self.setVisible(bool(busy))

    def show_progress(self, progress: Progress, busy: Busy | None = None) -> None:
        """Show how far it is."""
        verb, fraction = (busy or self._busy).verb, progress.fraction
        text = " · ".join(filter(None, (verb, progress.stage)))
        self.text.setText(text)
        self.text.setToolTip(text)
        self.left.setText(progress.left)
        self.left.setToolTip(progress.left)
        self.bar.setRange(0, 0 if fraction is None else _STEPS)
        self.bar.setValue(round(_STEPS * (fraction or 0.0)))

    def _hand_over(self, busy: Busy) -> None:
        """Take the keyboard from the button that started it, and give it back at the end.

        Qt moves it to any next field from a button that is disabled.
        """
        window = self.window()
        focus = None if window is None else window.focusWidget()
        if busy.is_cancelling:
            self.cancel_button.clearFocus()
        elif busy and isinstance(focus, StartButton):
            self._starter = focus
            self.setVisible(True)
            self.cancel_button.setEnabled(True)
            self.cancel_button.setFocus()
        elif not busy and self._starter is not None:
            if focus is self.cancel_button or focus is None:
                self._starter.setEnabled(True)
                self._starter.setFocus()
            self._starter = None
