"""The first tokens of a windowed cache, kept as they are; of padded rows the first real ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError


class Sinks:
    """The first `count` vectors of each row, (batch, heads, ≤ count, d).

    Parameters
    ----------
    count : int
        How many, ≥ 0.
    pads : tuple of int, optional
        Columns of padding before each row's first token; none when omitted. A batch that repeats
        its rows (beams) may have a multiple of these.
    """

    def __init__(self, count: int, pads: tuple[int, ...] | None = None) -> None:
        self._count = count
        self._given = pads
        self._pads: Tensor | None = None  # (batch,), once the batch is known
        self.kept: Tensor | None = None

    def add(self, x: Tensor, before: int) -> None:
        """Take in what is first of new vectors (batch, heads, new, d) behind `before` columns."""
        if self._given is not None:
            self._add_by_row(x, before, self._given)
        elif before < self._count:
            first = x[:, :, : self._count - before]
            whole = first if self.kept is None else torch.cat([self.kept, first], dim=2)
            self.kept = whole.clone()

    def _add_by_row(self, x: Tensor, before: int, given: tuple[int, ...]) -> None:
        if self._pads is None:
            self._pads = _pads_of_batch(given, x)
        places = self._places() - before  # of each row's sinks among the new columns
        rows, which = ((places >= 0) & (places < x.shape[2])).nonzero(as_tuple=True)
        if len(rows):
            self._widen(x, int(which.max()) + 1)
            assert self.kept is not None
            self.kept[rows, :, which] = x[rows, :, places[rows, which]]

    def _widen(self, x: Tensor, width: int) -> None:
        """Make room for `width` sinks a row; rows that begin later fill theirs later."""
        kept = x[:, :, :0] if self.kept is None else self.kept
        if missing := max(0, width - kept.shape[2]):
            empty = x.new_zeros(x.shape[0], x.shape[1], missing, x.shape[3])
            self.kept = torch.cat([kept, empty], dim=2)

    def _places(self) -> Tensor:
        """Return the column of every sink, (batch, count)."""
        assert self._pads is not None
        return self._pads[:, None] + torch.arange(self._count, device=self._pads.device)

    def overlay(self, restored: Tensor) -> None:
        """Put the sinks into restored vectors (batch, heads, tokens, d)."""
        if self.kept is None:
            return
        width = self.kept.shape[2]
        if self._pads is None:
            restored[:, :, :width] = self.kept
            return
        places = self._places()[:, :width]
        rows, which = (places < restored.shape[2]).nonzero(as_tuple=True)
        restored[rows, :, places[rows, which]] = self.kept[rows, :, which]

    def crop(self, left: int) -> None:
        """Forget what lies behind the first `left` columns."""
        if self.kept is not None:
            first = 0 if self._pads is None else int(self._pads.min())
            self.kept = self.kept[:, :, : max(0, left - first)]

    def change(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to what has an axis 0 of rows (select in the batch, move)."""
        self.kept = None if self.kept is None else function(self.kept)
        self._pads = None if self._pads is None else function(self._pads)

    def clear(self) -> None:
        """Forget every token; the padding stays that of the batch it was made for."""
        self.kept = self._pads = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in (self.kept, self._pads) if part is not None)


def left_pads(attention_mask: Tensor) -> tuple[int, ...]:
    """Return the columns of padding on the left of every row of a mask (batch, tokens).

    Raises
    ------
    SpecError
        If the mask has no two axes, a row has no token, or a token is followed by padding.
    """
    if attention_mask.dim() != 2:
        raise SpecError(f"attention_mask must be (batch, tokens); got {attention_mask.dim()} axes")
    real = attention_mask.bool()
    pads = (~real).sum(1)
    columns = torch.arange(real.shape[1], device=real.device)
    if not real.any(1).all() or not torch.equal(real, columns >= pads[:, None]):
        raise SpecError("attention_mask must be zeros, then at least a one, row by row; it is not")
    return tuple(pads.tolist())


def _pads_of_batch(given: tuple[int, ...], x: Tensor) -> Tensor:
    repeats, rest = divmod(x.shape[0], len(given))
    if rest or not repeats:
        raise SpecError(
            f"the attention_mask this cache was made for has {len(given)} rows; "
            f"the batch must have as many or a multiple; got {x.shape[0]}"
        )
    return torch.tensor(given, device=x.device).repeat_interleave(repeats)
