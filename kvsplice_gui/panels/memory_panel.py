"""Whose cache to weigh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QLabel, QWidget

from kvsplice_core.base.options import option_of
from kvsplice_core.data.model_shape import PRESETS
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import FieldGroup, choose, combo_box, fill, set_number, spin_box
from kvsplice_gui.state.wishes import MemoryWish

_BROWSE = "browse"
_MEASURE_HELP = (
    "Put the codec in focus into the cache of the model the open capture comes from; count the "
    "bytes it really holds up to the tokens chosen here, and time decoding with and without it."
)
_TYPES = (("fp32 (4 bytes)", 4), ("fp16, bf16 (2 bytes)", 2), ("8 bits (1 byte)", 1))


class MemoryPanel(FieldGroup):
    """Model, tokens, batch, kept tokens and number types; Measure.

    Signals
    -------
    changed : dict
        Fields of `MemoryWish` a hand changed.
    """

    changed = pyqtSignal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Cache memory", parent)
        self.model, self.element, self.latent = combo_box(), combo_box(), combo_box()
        self.tokens = spin_box(option_of(MemoryWish, "tokens"))
        self.batch = spin_box(option_of(MemoryWish, "batch"))
        self.kept = spin_box(option_of(MemoryWish, "kept_tokens"), 0)
        self.kept.setSpecialValueText("all tokens")
        self.add(option_of(MemoryWish, "model"), self.model)
        self.add(option_of(MemoryWish, "tokens"), self.tokens)
        self.add(option_of(MemoryWish, "batch"), self.batch)
        self.add(option_of(MemoryWish, "kept_tokens"), self.kept)
        self.add(option_of(MemoryWish, "element_bytes"), self.element)
        self.add(option_of(MemoryWish, "latent_bytes"), self.latent)
        self.measure_button, self._why_not = StartButton("Measure…", _MEASURE_HELP), QLabel()
        self._why_not.setWordWrap(True)
        self._why_not.setProperty("role", "muted")
        self.add_wide(self.measure_button)
        self.add_wide(self._why_not)
        self._wish = MemoryWish()
        fill(self.element, _TYPES, 2)
        fill(self.latent, _TYPES, 2)
        self.show_wish(self._wish)
        self.model.activated.connect(self._on_model_activated)
        self.tokens.valueChanged.connect(lambda value: self._emit(tokens=value))
        self.batch.valueChanged.connect(lambda value: self._emit(batch=value))
        self.kept.valueChanged.connect(lambda value: self._emit(kept_tokens=value or None))
        self.element.activated.connect(lambda i: self._emit(element_bytes=self.element.itemData(i)))
        self.latent.activated.connect(lambda i: self._emit(latent_bytes=self.latent.itemData(i)))

    def show_wish(self, wish: MemoryWish) -> None:
        """Show the wishes; writes nothing back."""
        self._wish = wish
        items: list[tuple[str, object]] = [(shape.name, key) for key, shape in PRESETS.items()]
        if wish.model not in PRESETS:
            items.append((Path(wish.model).parent.name or wish.model, wish.model))
        fill(self.model, [*items, ("config.json…", _BROWSE)], wish.model)
        set_number(self.tokens, wish.tokens)
        set_number(self.batch, wish.batch)
        set_number(self.kept, wish.kept_tokens or 0)
        choose(self.element, wish.element_bytes)
        choose(self.latent, wish.latent_bytes)

    def show_obstacle(self, why_not: str) -> None:
        """Say why nothing can be measured; an empty reason takes that away."""
        self._why_not.setText(why_not)
        self.set_row_visible(self._why_not, bool(why_not))

    def _on_model_activated(self, index: int) -> None:
        model = self.model.itemData(index)
        if model == _BROWSE:
            choose(self.model, self._wish.model)
            path, _ = QFileDialog.getOpenFileName(
                self, "Open a model's config.json", "", "Model configuration (*.json)"
            )
            model = path
        if model:
            self._emit(model=model)

    def _emit(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of MemoryWish
        self.changed.emit(changes)
