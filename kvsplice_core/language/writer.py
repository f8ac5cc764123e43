"""Writing a safetensors file piece by piece: its sizes first, then rows in any order."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import torch
from torch import Tensor

_ALIGNMENT = 8
_WORDS = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


@dataclass(frozen=True)
class Slot:
    """The place of a tensor to come: its shape, row first, and its dtype."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self.row_bytes


class RowWriter:
    """Writes rows of tensors whose shapes are known beforehand; holds none of them.

    Parameters
    ----------
    stream : binary file
        Empty and seekable; gets its header and its full length at once.
    slots : mapping
        The tensors by name.
    metadata : mapping of str
        Goes into the header.
    """

    def __init__(
        self, stream: BinaryIO, slots: Mapping[str, Slot], metadata: Mapping[str, str]
    ) -> None:
        self._stream = stream
        # Wide numbers first keeps every tensor aligned to its own width.
        ordered = dict(sorted(slots.items(), key=lambda slot: -slot[1].dtype.itemsize))
        self._slots = ordered
        self._starts: dict[str, int] = {}
        at = 0
        for name, slot in ordered.items():
            self._starts[name] = at
            at += slot.nbytes
        header = self._header(metadata)
        self._data = len(header)
        stream.write(header)
        stream.truncate(self._data + at)

    def _header(self, metadata: Mapping[str, str]) -> bytes:
        described: dict[str, object] = {"__metadata__": dict(metadata)}
        for name, slot in self._slots.items():
            start = self._starts[name]
            described[name] = {
                "dtype": _WORDS[slot.dtype],
                "shape": list(slot.shape),
                "data_offsets": [start, start + slot.nbytes],
            }
        text = json.dumps(described).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        return len(text).to_bytes(8, "little") + text

    def write(self, name: str, row: int, rows: Tensor) -> None:
        """Write `rows` (n, …) of the tensor `name` from its row `row` on."""
        slot = self._slots[name]
        if rows.shape[1:] != slot.shape[1:] or rows.dtype is not slot.dtype:
            raise ValueError(f"{name} takes rows of {slot}; got {tuple(rows.shape)} {rows.dtype}")
        self._stream.seek(self._data + self._starts[name] + row * slot.row_bytes)
        self._stream.write(rows.contiguous().cpu().view(torch.uint8).numpy().data)
