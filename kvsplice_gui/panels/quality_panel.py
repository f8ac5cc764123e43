"""How to measure what compression costs the model, and the buttons that do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from kvsplice_core.base.options import option_of
from kvsplice_core.data.capture import CaptureFacts
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import (
    SIDES,
    FieldGroup,
    choose,
    combo_box,
    fill,
    help_of,
    set_number,
    spin_box,
)
from kvsplice_gui.state.wishes import QualityWish

_MODES = (("strict", "strict"), ("window", "window"))
_MEASURE_HELP = "ΔNLL and KL of every compared method at every k, in nats per token (Ctrl+M)"
_EVALUATE_HELP = (
    "The method in focus at the chosen k, every head calibrated, with the whole audit, the tensor "
    "view and a continuation (Ctrl+K)"
)
_MAP_HELP = "What each head costs when it alone is compressed, in nats per token (Ctrl+Shift+M)"
_OWN_BOOKS = "held-out books (10)"


class QualityPanel(FieldGroup):
    """Model, held-out text, tokens, mode and side; Measure quality, Evaluate, Sensitivity map.

    Signals
    -------
    changed : dict
        Fields of `QualityWish` a hand changed.
    """

    changed = pyqtSignal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Quality", parent)
        self.model = QLineEdit()
        self.model.setAcceptDrops(False)  # a file dropped here is for the window
        self.choose_texts, self.clear_texts = QPushButton(), QToolButton()
        self.mode, self.side = combo_box(), combo_box()
        self.tokens = spin_box(option_of(QualityWish, "tokens"))
        self.window_size = spin_box(option_of(QualityWish, "window"))
        self.estimate = QLabel()
        self.measure_button = StartButton("Measure quality", _MEASURE_HELP)
        self.evaluate_button = StartButton("Evaluate this k", _EVALUATE_HELP)
        self.map_button = StartButton("Sensitivity map", _MAP_HELP)
        self._wish = QualityWish()
        self._facts: CaptureFacts | None = None
        self._lay_out()
        self._connect()
        self.show_wish(self._wish)
        self.show_capture(None)

    def _lay_out(self) -> None:
        self.clear_texts.setText("✕")
        self.clear_texts.setToolTip("Take the bundled held-out books again")
        self.clear_texts.setAccessibleName("Take the bundled held-out books again")
        # A long file name must not widen the controls.
        self.choose_texts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.add(option_of(QualityWish, "model"), self.model)
        self.add(option_of(QualityWish, "texts"), _row(self.choose_texts, self.clear_texts))
        self.add(option_of(QualityWish, "tokens"), self.tokens)
        self.add(option_of(QualityWish, "mode"), self.mode)
        self.add(option_of(QualityWish, "window"), self.window_size)
        self.add(option_of(QualityWish, "side"), self.side)
        fill(self.mode, _MODES, "strict")
        self.measure_button.setProperty("role", "primary")
        self.estimate.setProperty("role", "muted")
        self.estimate.setWordWrap(True)
        self.estimate.setMinimumWidth(1)
        self.add_wide(self.estimate)
        self.add_wide(self.measure_button)
        self.add_wide(_row(self.evaluate_button, self.map_button))

    def _connect(self) -> None:
        self.model.editingFinished.connect(self._on_model_finished)
        self.choose_texts.clicked.connect(self._on_choose_texts_clicked)
        self.clear_texts.clicked.connect(lambda: self._emit(texts=()))
        self.tokens.valueChanged.connect(lambda value: self._emit(tokens=value))
        self.mode.activated.connect(lambda i: self._emit(mode=self.mode.itemData(i)))
        self.window_size.valueChanged.connect(lambda value: self._emit(window=value))
        self.side.activated.connect(lambda i: self._emit(side=self.side.itemData(i)))

    def show_wish(self, wish: QualityWish) -> None:
        """Show the wishes; writes nothing back."""
        self._wish = wish
        if not self.model.isModified():
            self.model.setText(wish.model)
        self._show_texts()
        set_number(self.tokens, wish.tokens)
        choose(self.mode, wish.mode)
        set_number(self.window_size, wish.window)
        self.set_row_visible(self.window_size, wish.mode == "window")
        self._show_side()

    def show_capture(self, facts: CaptureFacts | None) -> None:
        """Show what the open capture offers; None disables everything but says why."""
        self._facts = facts
        self.model.setPlaceholderText("" if facts is None else facts.model.name)
        self._show_texts()
        self._show_side()
        fields = (self.model, self.choose_texts, self.clear_texts, self.tokens, self.mode)
        for field in (*fields, self.window_size, self.side):
            field.setEnabled(facts is not None)

    def show_estimate(self, text: str) -> None:
        """Say how long a curve will take, or why there is nothing to measure."""
        self.estimate.setText(text)

    def _show_texts(self) -> None:
        texts = self._wish.texts
        name = Path(texts[0]).name if len(texts) == 1 else f"{len(texts)} files"
        has_books = self._facts is None or self._wish.model_of(self._facts) == BUNDLED
        shown = name if texts else _OWN_BOOKS if has_books else "Choose files…"
        self.choose_texts.setText(shown)
        self.choose_texts.setAccessibleName(f"{option_of(QualityWish, 'texts').label}: {shown}")
        self.choose_texts.setToolTip("\n".join(texts) or help_of(option_of(QualityWish, "texts")))
        self.clear_texts.setVisible(bool(texts))

    def _show_side(self) -> None:
        held = "v" if self._facts is None else self._facts.sides.value
        sides = ("v", "k", "both") if held == "both" else (held,)
        chosen = held if self._facts is None else self._wish.side_of(self._facts)
        fill(self.side, ((SIDES[side], side) for side in sides), chosen)

    def _on_model_finished(self) -> None:
        if self.model.isModified():
            self.model.setModified(False)
            self._emit(model=self.model.text().strip())

    def _on_choose_texts_clicked(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(
            self, "Choose held-out text", "", "Text (*.txt);;All files (*)"
        )
        if paths:
            self._emit(texts=tuple(paths))

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of QualityWish
        self.changed.emit(changes)


def _row(first: QWidget, *others: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(first, 1)
    for other in others:
        row.addWidget(other)
    holder.setFocusProxy(first)
    return holder
