"""The tokens that a windowed cache keeps as they are: the first few and the newest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.cache.sinks import Sinks


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

    `newest` holds the newest W tokens. Where an update is taken in whole, it holds all tokens of
    that update and the W − 1 before them until the next update: as many as one of them sees raw,
    and enough for the window to be whole again after part of the update is cropped.

    Parameters
    ----------
    window : Window
    pads : tuple of int, optional
        Columns of padding on the left of every row; none when omitted.
    """

    def __init__(self, window: Window, pads: tuple[int, ...] | None = None) -> None:
        self.window = window
        self.sinks = Sinks(window.sinks, pads)
        self.newest: Tensor | None = None

    def add(self, x: Tensor, *, before: int, keep_all: bool) -> None:
        """Take in new vectors behind `before` others.

        Parameters
        ----------
        x : Tensor, shape (batch, heads, new, d)
        before : int
            Tokens that were there already.
        keep_all : bool
            Keep every new token raw until the next update (for reading token by token, and
            where some may be cropped), not only the newest.
        """
        self.sinks.add(x, before)
        kept = x if self.newest is None else torch.cat([self._seen_by_next(), x], dim=2)
        count = kept.shape[2] if keep_all else min(kept.shape[2], self.window.newest)
        self.newest = kept[:, :, kept.shape[2] - count :].clone()

    def _seen_by_next(self) -> Tensor:
        assert self.newest is not None
        count = self.newest.shape[2]
        return self.newest[:, :, max(0, count - (self.window.newest - 1)) :]

    def overlay_sinks(self, restored: Tensor) -> Tensor:
        """Put the raw sinks into restored vectors (batch, heads, tokens, d)."""
        self.sinks.overlay(restored)
        return restored

    def overlay_newest(self, restored: Tensor) -> Tensor:
        """Put the newest tokens in as well."""
        if self.newest is not None:
            newest = self.newest[:, :, -self.window.newest :]
            restored[:, :, restored.shape[2] - newest.shape[2] :] = newest
        return restored

    def crop(self, removed: int, left: int) -> None:
        """Forget the last `removed` tokens of which `left` remain.

        The window is whole again where they are of the latest update and it was taken in whole.
        Else what left the window does not come back: until as many tokens are new, fewer are raw.
        """
        if self.newest is not None:
            count = max(0, self.newest.shape[2] - removed)
            self.newest = self.newest[:, :, :count]
        self.sinks.crop(left)

    def change(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the tensors (select in the batch, move)."""
        self.sinks.change(function)
        self.newest = None if self.newest is None else function(self.newest)

    def clear(self) -> None:
        """Forget everything."""
        self.sinks.clear()
        self.newest = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.sinks.nbytes + (0 if self.newest is None else self.newest.nbytes)
