"""The tokens that a windowed cache keeps as they are: the first few and the newest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """Which tokens stay raw.

    Parameters
    ----------
    sinks : int
        Tokens at the start of the sequence, ≥ 0 (attention sinks: Xiao et al. 2024).
    newest : int
        Tokens at its end, the current one among them, ≥ 1.
    """

    sinks: int = 4
    newest: int = 64


class RawTokens:
    """Vectors (batch, heads, tokens, d) of a window, kept beside their latents.

    `newest` holds the tokens of the latest update and as many before them as one of those tokens
    sees raw, until the next update trims it.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.sinks: Tensor | None = None
        self.newest: Tensor | None = None

    def add(self, x: Tensor, *, before: int, keep_all: bool) -> None:
        """Take in new vectors behind `before` others.

        Parameters
        ----------
        x : Tensor, shape (batch, heads, new, d)
        before : int
            Tokens that were there already.
        keep_all : bool
            Keep every new token raw (for reading token by token), not only the newest.
        """
        missing = max(0, self.window.sinks - before)
        if missing:
            first = x[:, :, :missing]
            self.sinks = first.clone() if self.sinks is None else _joined(self.sinks, first)
        kept = x if self.newest is None else _joined(self._seen_by_next(), x)
        count = kept.shape[2] if keep_all else min(kept.shape[2], self.window.newest)
        self.newest = kept[:, :, kept.shape[2] - count :].clone()

    def _seen_by_next(self) -> Tensor:
        assert self.newest is not None
        count = self.newest.shape[2]
        return self.newest[:, :, max(0, count - (self.window.newest - 1)) :]

    def overlay_sinks(self, restored: Tensor) -> Tensor:
        """Put the raw sinks into restored vectors (batch, heads, tokens, d)."""
        if self.sinks is not None:
            restored[:, :, : self.sinks.shape[2]] = self.sinks
        return restored

    def overlay_newest(self, restored: Tensor) -> Tensor:
        """Put the newest tokens in as well."""
        if self.newest is not None:
            newest = self.newest[:, :, -self.window.newest :]
            restored[:, :, restored.shape[2] - newest.shape[2] :] = newest
        return restored

    def crop(self, removed: int, left: int) -> None:
        """Forget the last `removed` tokens of which `left` remain.

        What left the window before does not come back: until as many tokens are new, fewer are
        raw.
        """
        if self.newest is not None:
            count = max(0, self.newest.shape[2] - removed)
            self.newest = self.newest[:, :, :count]
        if self.sinks is not None:
            self.sinks = self.sinks[:, :, :left]

    def change(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to both tensors (select in the batch, move)."""
        self.sinks = None if self.sinks is None else function(self.sinks)
        self.newest = None if self.newest is None else function(self.newest)

    def clear(self) -> None:
        """Forget everything."""
        self.sinks = self.newest = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in (self.sinks, self.newest) if part is not None)


def _joined(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a, b], dim=2)
