"""What the model writes with the dense and with the compressed cache, side by side."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from kvsplice_core.tasks.evaluate import Continuation
from kvsplice_gui.look.theme import LIGHT, SPACING, Theme
from kvsplice_gui.plots.header import EmptyLabel
from kvsplice_gui.plots.heading_line import HeadingLine
from kvsplice_gui.plots.notice import Notice

_EMPTY = (
    "Press Evaluate this k to read what the model writes with the dense and with the compressed "
    "cache; the first token that differs is marked."
)


class ContinuationView(QWidget):
    """Prompt, both greedy continuations, and where they part."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Continuation | None = None
        self._theme = LIGHT
        self._is_current = True
        self.heading, self.notice = HeadingLine(), Notice()
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setContentsMargins(SPACING, SPACING // 2, SPACING, SPACING // 2)
        # Long sentences must not widen the dock.
        self.verdict.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.base, self.compressed = _text("Dense cache"), _text("Compressed cache")
        self._stack = QStackedWidget()
        self._lay_out()

    def _lay_out(self) -> None:
        sides = QWidget()
        row = QHBoxLayout(sides)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        for heading, text in (("Dense", self.base), ("Compressed", self.compressed)):
            row.addWidget(_headed(heading, text), 1)
        self._stack.addWidget(EmptyLabel(_EMPTY))
        self._stack.addWidget(sides)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.heading, self.notice, self.verdict):
            column.addWidget(widget)
        column.addWidget(self._stack, 1)
        self.verdict.hide()

    @property
    def is_empty(self) -> bool:
        """Whether the empty-state sentence is shown."""
        return self._stack.currentIndex() == 0

    def show_continuation(self, continuation: Continuation | None) -> None:
        """Show both continuations of a prompt; None shows the sentence."""
        self._shown = continuation
        self._stack.setCurrentIndex(0 if continuation is None else 1)
        self.verdict.setVisible(continuation is not None)
        theme = self._theme
        if not self._is_current:
            theme = replace(theme, text=theme.muted, warning=theme.muted)
        if continuation is not None:
            self.verdict.setText(verdict(continuation))
            for view, text in (
                (self.base, continuation.base),
                (self.compressed, continuation.compressed),
            ):
                view.setHtml(_html(continuation, text, theme))

    def show_heading(self, text: str, *, is_current: bool = True) -> None:
        """Say what the continuations are of; muted where that is not what is chosen now."""
        self.heading.say(text, is_current=is_current)
        if is_current != self._is_current:
            self._is_current = is_current
            self.show_continuation(self._shown)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.show_continuation(self._shown)


def verdict(continuation: Continuation) -> str:
    """Return where the continuations part, in words."""
    at, tokens = continuation.first_divergence, continuation.tokens
    if at is None:
        return f"All {tokens} tokens are the same."
    return f"The first {at} of {tokens} tokens are the same; token {at + 1} differs (marked ▸)."


def _html(continuation: Continuation, text: str, theme: Theme) -> str:
    shared = continuation.shared if continuation.first_divergence is not None else text
    rest = text[len(shared) :] if text.startswith(shared) else text
    same = shared if text.startswith(shared) else ""
    marked = ""
    if continuation.first_divergence is not None:
        # Not by colour alone: the rest is behind an arrow and underlined.
        style = f"color:{theme.warning}; text-decoration:underline"
        marked = f"<span style='color:{theme.warning}'>▸</span><span style='{style}'>{_safe(rest)}"
        marked += "</span>"
    return (
        f"<span style='color:{theme.muted}'>{_safe(continuation.prompt)}</span>"
        f"<span style='color:{theme.text}'>{_safe(same)}</span>{marked}"
    )


def _safe(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _text(name: str) -> QTextBrowser:
    view = QTextBrowser()
    view.setAccessibleName(f"Continuation with the {name.lower()}")
    view.setOpenLinks(False)
    view.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return view


def _headed(heading: str, text: QTextBrowser) -> QWidget:
    holder, label = QWidget(), QLabel(heading)
    label.setProperty("role", "caption")
    label.setContentsMargins(SPACING, 0, 0, 0)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(label)
    column.addWidget(text, 1)
    return holder
