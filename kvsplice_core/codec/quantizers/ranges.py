"""A vectorised range coder: one number per vector, all in step.

Martin 1979, "Range encoding". Every symbol narrows an interval to its share; a code is the least
number of the given bytes in what remains. It takes its information rounded up to whole bytes and
nothing more, and a symbol whose range starts at 0 leaves the number as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

PRECISION = 16
"""Probabilities are multiples of 2^-16."""

_DIGIT = 16  # bits that leave the interval's ends together
_OPEN = 3  # digits of an end that may still change
_WHOLE = 1 << _DIGIT * _OPEN
_LEAST = 1 << _DIGIT * (_OPEN - 1)  # width of the interval; below, a digit leaves
_MASK = (1 << _DIGIT) - 1


def encode(starts: Tensor, sizes: Tensor, width: int) -> Tensor:
    """Code m symbols of each of n vectors.

    Parameters
    ----------
    starts, sizes : Tensor, shape (m, n)
        int64; each symbol's range in 0 … 2^16, sizes ≥ 1.
    width : int
        Bytes per vector.

    Returns
    -------
    Tensor, shape (n, width)
        uint8; wrong where the symbols take more than 8 · width − 0.01 bits, unless all those
        beyond start at 0.
    """
    count, most = starts.shape[1], -(-8 * width // _DIGIT)
    digits = torch.zeros((most + _OPEN + 1) * count, dtype=torch.int64, device=starts.device)
    rows = torch.arange(count, device=starts.device)
    place, low = torch.zeros_like(rows), torch.zeros_like(rows)
    span = torch.full_like(rows, _WHOLE)
    for start, size in zip(starts, sizes, strict=True):
        share = span >> PRECISION
        low, span = low + start * share, size * share
        # the digit stays to be overwritten where it is not needed yet; what it carries stays in it
        digits[place * count + rows] = low >> _DIGIT * (_OPEN - 1)
        full = span < _LEAST
        low = torch.where(full, (low & (_LEAST - 1)) << _DIGIT, low)
        span = torch.where(full, span << _DIGIT, span)
        place = (place + full.long()).clamp_max(most)
    for rest in range(_OPEN):
        digits[(place + rest) * count + rows] = low >> _DIGIT * (_OPEN - 1)
        low = (low & (_LEAST - 1)) << _DIGIT
    return _rounded_up(digits.view(most + _OPEN + 1, count), width)


def _rounded_up(digits: Tensor, width: int) -> Tensor:
    """Return digits (d, n), which may hold carries, as the next number of `width` bytes (n, …)."""
    whole, odd = divmod(width, 2)
    digits[whole + odd :] += _MASK
    if odd:
        digits[whole] += _MASK >> 8
    carry = torch.zeros_like(digits[0])
    for place in range(len(digits) - 1, -1, -1):
        total = digits[place] + carry
        digits[place], carry = total & _MASK, total >> _DIGIT
    bytes_ = torch.stack([digits >> 8, digits & 255], 1).flatten(0, 1)
    return bytes_[:width].T.to(torch.uint8).contiguous()


class Decoder:
    """The intervals of n vectors while their symbols are read.

    Parameters
    ----------
    stored : Tensor, shape (n, width)
        uint8, what `encode` gave.
    """

    def __init__(self, stored: Tensor) -> None:
        self._count, width = stored.shape
        bytes_ = torch.nn.functional.pad(stored, (0, 2 * _OPEN + width % 2)).T.long()
        self._digits = ((bytes_[::2] << 8) + bytes_[1::2]).flatten()
        self._last = len(bytes_) // 2 - 1  # digits beyond the code are zero
        self._rows = torch.arange(self._count, device=stored.device)
        self._place = torch.full_like(self._rows, _OPEN)
        self._span = torch.full_like(self._rows, _WHOLE)
        self._value = torch.zeros_like(self._rows)
        for place in range(_OPEN):
            self._value = (self._value << _DIGIT) + self._digits[place * self._count + self._rows]

    @property
    def slot(self) -> Tensor:
        """Where in 0 … 2^16 − 1 the next symbol of each vector lies (n,)."""
        slot = self._value // (self._span >> PRECISION)
        return slot.clamp_max((1 << PRECISION) - 1)

    def take(self, start: Tensor, size: Tensor) -> None:
        """Go past a symbol (n,), whose range holds the slot."""
        share = self._span >> PRECISION
        span = size * share
        # what no encoder wrote may lie in the sliver that the shares leave over
        value = torch.minimum(self._value - start * share, span - 1)
        full = span < _LEAST
        longer = (value << _DIGIT) + self._digits[self._place * self._count + self._rows]
        self._value = torch.where(full, longer, value)
        self._span = torch.where(full, span << _DIGIT, span)
        self._place = (self._place + full.long()).clamp_max(self._last)
