"""A vectorised range coder: one asymmetric numeral system (rANS) per vector, all in step.

Duda 2013, "Asymmetric numeral systems". The state of a vector starts at 0, and a symbol whose
range starts at 0 leaves it there: a code is a number that grows with what is told, and its leading
bytes are zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

PRECISION = 16
"""Probabilities are multiples of 2^-16."""

_LEAST = 1 << 24  # of a state with bytes behind it; below 2^32 it stays
_STATE_BYTES = 4


def encode(starts: Tensor, sizes: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Code m symbols of each of n vectors.

    Parameters
    ----------
    starts, sizes : Tensor, shape (m, n)
        int64; each symbol's range in 0 … 2^16, sizes ≥ 1, in the order of decoding.
    width : int
        Bytes per vector.

    Returns
    -------
    Tensor, shape (n, width)
        uint8; undefined where it does not fit.
    Tensor, shape (n,)
        Whether it fits.
    """
    count = starts.shape[1]
    out = torch.zeros((width + _STATE_BYTES) * count, dtype=torch.uint8, device=starts.device)
    rows = torch.arange(count, device=starts.device)
    state = torch.zeros_like(rows)
    free = torch.full_like(rows, width + _STATE_BYTES)
    lost = torch.zeros_like(rows, dtype=torch.bool)
    for start, size in zip(starts.flip(0), sizes.flip(0), strict=True):
        for _ in range(2):
            # the byte below stays free, to be overwritten, where it is not needed yet
            out[(free - 1) * count + rows] = (state & 255).to(torch.uint8)
            full = state >= size << PRECISION
            free = free - full.long()
            state = torch.where(full, state >> 8, state)
        lost |= free < _STATE_BYTES
        free = free.clamp_min(_STATE_BYTES)
        state = (state // size << PRECISION) + start + state % size
    for place in range(1, _STATE_BYTES + 1):
        out[(free - place) * count + rows] = (state & 255).to(torch.uint8)
        state = state >> 8
    bytes_ = out.view(width + _STATE_BYTES, count).T
    over = (bytes_[:, :_STATE_BYTES] != 0).any(1)
    return bytes_[:, _STATE_BYTES:].contiguous(), ~(lost | over)


class Decoder:
    """The states of n vectors while their symbols are read.

    Parameters
    ----------
    stored : Tensor, shape (n, width)
        uint8, what `encode` gave.
    """

    def __init__(self, stored: Tensor) -> None:
        self._count, self._width = stored.shape
        self._bytes = torch.nn.functional.pad(stored, (0, 1)).T.long().flatten()
        self._rows = torch.arange(self._count, device=stored.device)
        told = torch.nn.functional.pad(stored != 0, (0, 1), value=True)
        self._place = told.byte().argmax(1)  # leading zeros say nothing
        self._state = torch.zeros_like(self._rows)
        self._refill(_STATE_BYTES)

    def _refill(self, most: int) -> None:
        for _ in range(most):
            needed = (self._state < _LEAST) & (self._place < self._width)
            longer = (self._state << 8) | self._bytes[self._place * self._count + self._rows]
            self._state = torch.where(needed, longer, self._state)
            self._place = self._place + needed.long()

    @property
    def slot(self) -> Tensor:
        """Where in 0 … 2^16 − 1 the next symbol of each vector lies (n,)."""
        return self._state & ((1 << PRECISION) - 1)

    def take(self, start: Tensor, size: Tensor) -> None:
        """Go past a symbol (n,), whose range holds the slot."""
        self._state = size * (self._state >> PRECISION) + self.slot - start
        self._refill(2)
