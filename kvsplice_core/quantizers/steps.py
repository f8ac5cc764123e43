"""Uniform steps with a widened zero and their probabilities, for normal variables of all scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from kvsplice_core.quantizers.rans import PRECISION

OCTAVE = 8
"""Scales per doubling."""

SYMBOLS = 128
_LOWEST, _HIGHEST = -5 * OCTAVE, 14 * OCTAVE  # of a standard deviation, in steps, log₂
_WIDER_ZERO = 0.05  # of a step on either side: rounding towards zero saves more than it costs
_COARSE = 3  # log₂ of the largest deviation whose steps are told one by one


@dataclass(frozen=True, eq=False)
class StepTables:
    """What each symbol of each scale takes.

    A step r is told as r // 2^low, a symbol with a probability of its own, and the `low` bits
    that remain, all equally likely.

    Parameters
    ----------
    starts, sizes : Tensor, shape (scales · 128,)
        int64; range of each symbol, that of zero first, then −1, 1, −2, …
    costs : Tensor, shape (scales · 128,)
        Bits, low bits included.
    means : Tensor, shape (scales · 128,)
        The mean of the variable in the symbol's cell, in steps; of use without low bits.
    low : Tensor, shape (scales,)
        int64.
    """

    starts: Tensor
    sizes: Tensor
    costs: Tensor
    means: Tensor
    low: Tensor

    def place(self, scale: Tensor) -> Tensor:
        """Return the row of a standard deviation in steps, given as log₂ times 8."""
        return scale.clamp(_LOWEST, _HIGHEST) - _LOWEST

    def find(self, place: Tensor, slot: Tensor) -> Tensor:
        """Return the entry whose range holds each slot, by bisection."""
        entry = place * SYMBOLS
        half = SYMBOLS // 2
        while half:
            further = entry + half
            entry = torch.where(self.starts[further] <= slot, further, entry)
            half //= 2
        return entry


def rounded(x: Tensor) -> Tensor:
    """Return the step (int64) of each number, in units of a step."""
    return (x.sign() * torch.floor(x.abs() + (0.5 - _WIDER_ZERO))).long()


def symbol_of(high: Tensor) -> Tensor:
    """Return 0, 1, 2, 3, … for 0, −1, 1, −2, …; the largest symbol beyond."""
    return torch.where(high < 0, -2 * high - 1, 2 * high).clamp_max(SYMBOLS - 1)


def high_of(symbol: Tensor) -> Tensor:
    """Undo `symbol_of`."""
    return torch.where(symbol % 2 == 1, -(symbol + 1) // 2, symbol // 2)


@lru_cache(maxsize=4)
def step_tables(device: torch.device) -> StepTables:
    """Return the tables, made on the CPU in fp64 so that every device has the same."""
    deviation = torch.exp2(torch.arange(_LOWEST, _HIGHEST + 1, dtype=torch.float64) / OCTAVE)
    low = (deviation.log2().ceil() - _COARSE).clamp_min(0).long()
    first = torch.arange(-SYMBOLS // 2, SYMBOLS // 2 + 1) << low[:, None]  # (scales, 129)
    edges = (first - 0.5 + _WIDER_ZERO * torch.sign(first - 0.5)) / deviation[:, None]
    edges[:, 0], edges[:, -1] = -torch.inf, torch.inf
    mass = torch.special.ndtr(edges).diff(dim=1)
    density = torch.exp(-edges.square() / 2) / (2 * torch.pi) ** 0.5
    means = -density.diff(dim=1) / mass.clamp_min(1e-300) * deviation[:, None]
    middle = (first[:, :-1] + first[:, 1:] - 1) / 2
    means = torch.where(mass > 1e-9, means, middle)
    order = high_of(torch.arange(SYMBOLS)) + SYMBOLS // 2
    sizes = 1 + (mass[:, order] * ((1 << PRECISION) - SYMBOLS)).round().long()
    sizes[:, 0] += (1 << PRECISION) - sizes.sum(1)
    starts = sizes.cumsum(1) - sizes
    costs = (PRECISION + low[:, None] - sizes.double().log2()).float()
    tables = (starts, sizes, costs, means[:, order].float(), low)
    return StepTables(*(table.flatten().to(device) for table in tables))
