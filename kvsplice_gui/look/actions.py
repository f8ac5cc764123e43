"""What can be done: words, key, and why not now, once for menu and buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QPushButton


class StartButton(QPushButton):
    """Starts a work; where it cannot be started, the help says why not.

    Parameters
    ----------
    text : str
    help_text : str
        What it does.
    """

    def __init__(self, text: str, help_text: str = "") -> None:
        super().__init__(text)
        self._help = help_text
        self.setToolTip(help_text)
        self.setEnabled(False)  # until it is offered

    def offer(self, why_not: str, help_text: str = "") -> None:
        """Let it be pressed, unless there is a reason why not."""
        self.setEnabled(not why_not)
        self.setToolTip(why_not or self._help or help_text)


@dataclass(frozen=True)
class Action:
    """Something that can be done.

    Parameters
    ----------
    text : str or callable
        What it is called; of a callable, at the moment.
    run : callable
        Does it.
    key : str
        Its shortcut.
    help : str or callable
        What it does.
    why_not : callable, optional
        Gives the reason why it cannot be done now; an empty one where it can.
    is_on : callable, optional
        Whether it is ticked.
    buttons : tuple of StartButton
        Those that do the same.
    """

    text: str | Callable[[], str]
    run: Callable[[], object]
    key: str = ""
    help: str | Callable[[], str] = ""
    why_not: Callable[[], str] | None = None
    is_on: Callable[[], bool] | None = None
    buttons: tuple[StartButton, ...] = ()

    def made(self, window: QMainWindow) -> ShownAction:
        """Return it as an action of `window`."""
        return ShownAction(self, window)


class ShownAction(QAction):
    """An action in a menu, and its buttons."""

    def __init__(self, action: Action, window: QMainWindow) -> None:
        super().__init__(_now(action.text), window)
        self._action = action
        self.triggered.connect(self._on_triggered)
        for button in action.buttons:
            button.clicked.connect(lambda _checked=False: action.run())
        if action.key:
            self.setShortcut(QKeySequence(action.key))
        self.setCheckable(action.is_on is not None)
        self.refresh()

    @pyqtSlot()
    def _on_triggered(self) -> None:
        self._action.run()
        self.refresh()  # a tick that nothing came of goes back

    def refresh(self) -> None:
        """Show what it is called now, and whether it can be done, or why not."""
        action, text, help_text = self._action, _now(self._action.text), _now(self._action.help)
        why_not = "" if action.why_not is None else action.why_not()
        self.setText(text)
        self.setEnabled(not why_not)
        self.setStatusTip(why_not or help_text)
        self.setToolTip(why_not or help_text or text.replace("&", ""))
        if action.is_on is not None:
            self.setChecked(action.is_on())
        for button in action.buttons:
            button.offer(why_not, help_text)
            if not isinstance(action.text, str):
                button.setText(text.replace("&", ""))


def _now(words: str | Callable[[], str]) -> str:
    return words if isinstance(words, str) else words()
