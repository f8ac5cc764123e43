"""Which dimensions to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QWidget

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option_of
from kvsplice_gui.look.fields import FieldGroup
from kvsplice_gui.state.wishes import ViewWish

MAX_DIMS = 8


class ViewPanel(FieldGroup):
    """The dimensions whose splines are drawn.

    Signals
    -------
    dims_changed : tuple of int
        Dimensions a hand typed.
    failed : SpecError
        What was typed and is not a list of dimensions.
    """

    dims_changed = pyqtSignal(tuple)
    failed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("View", parent)
        self.dims = QLineEdit()
        self.dims.setAcceptDrops(False)  # a file dropped here is for the window
        self._dim = 0
        self._shown: tuple[int, ...] = ()
        self.add(option_of(ViewWish, "dims"), self.dims)
        self.dims.editingFinished.connect(self._on_dims_finished)

    def set_dim(self, dim: int) -> None:
        """Allow dimensions 0 … dim − 1."""
        self._dim = dim
        self.dims.setEnabled(dim > 0)

    def show_dims(self, dims: tuple[int, ...]) -> None:
        """Show the dimensions."""
        self._shown = dims
        self.dims.setText(", ".join(map(str, dims)))

    def _on_dims_finished(self) -> None:
        if not self.dims.isModified():
            return
        self.dims.setModified(False)
        try:
            dims = parse_dims(self.dims.text(), self._dim)
        except SpecError as error:
            self.show_dims(self._shown)
            self.failed.emit(error)
            return
        self.dims_changed.emit(dims)


def parse_dims(text: str, dim: int) -> tuple[int, ...]:
    """Read dimensions such as ``0-3, 17``; at most 8 of 0 … dim − 1.

    Raises
    ------
    SpecError
        If `text` is something else.
    """
    required = f"dimensions must be up to {MAX_DIMS} numbers or ranges within 0 … {dim - 1}"
    try:
        dims = tuple(dict.fromkeys(_numbers(text, dim)))
    except ValueError as error:
        raise SpecError(f"{required}; got {text!r}") from error
    if not 1 <= len(dims) <= MAX_DIMS or not all(0 <= j < dim for j in dims):
        raise SpecError(f"{required}; got {text!r}")
    return dims


def _numbers(text: str, dim: int) -> Iterator[int]:
    for part in re.split(r"[,\s]+", text.strip()):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last) if dash else int(first)
        if low > high:
            raise ValueError(f"{part} runs backwards")
        # A range as long as a mistyped number is refused before it is counted out.
        yield from range(low, min(high, dim) + 1)
