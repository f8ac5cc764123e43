"""Steps of two quantizers and their probabilities, for normal variables of all scales.

The first quantizer holds the whole multiples of a step, the second zero and the multiples between:
a step q of it stands for q − ½ sign q. Which one a component lies on, the trellis says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from kvsplice_core.codec.quantizers.ranges import PRECISION

OCTAVE = 8
"""Scales per doubling."""

SYMBOLS = 128
_LOWEST, _HIGHEST = -5 * OCTAVE, 14 * OCTAVE  # of a standard deviation, in steps, log₂
_WIDER_ZERO = 0.1  # of a step: the cheaper of two steps is worth some error
_COARSE = 3  # log₂ of the largest deviation whose steps are told one by one
_LEAST_FITTED = 0.297  # deviation in steps, 2^-1.75; below it hardly a component is not zero

_RARE, _RARE_WIDTH = 0.02, 2.5  # so many are so much louder: latents have heavier tails


@dataclass(frozen=True, eq=False)
class StepTables:
    """What each symbol of each quantizer and scale takes.

    A step q is told as q // 2^low, a symbol with a probability of its own, and the `low` bits
    that remain, all equally likely.

    Parameters
    ----------
    starts, sizes : Tensor, shape (scales · 2 · 128,)
        int64; range of each symbol, that of zero first, then −1, 1, −2, …
    costs : Tensor, shape (scales · 2 · 128,)
        Bits, low bits included.
    shifts : Tensor, shape (scales · 2 · 128,)
        From the value of a step to the mean of what takes it, in steps.
    low : Tensor, shape (scales,)
        int64.
    """

    starts: Tensor
    sizes: Tensor
    costs: Tensor
    shifts: Tensor
    low: Tensor

    def place(self, scale: Tensor) -> Tensor:
        """Return the row of a standard deviation in steps, given as log₂ times 8."""
        return scale.clamp(_LOWEST, _HIGHEST) - _LOWEST

    def entry(self, place: Tensor, quantizer: Tensor | int, steps: Tensor) -> Tensor:
        """Return where the symbol of each step lies."""
        return (2 * place + quantizer) * SYMBOLS + symbol_of(steps >> self.low[place]).clamp_max(
            SYMBOLS - 1
        )

    def find(self, place: Tensor, quantizer: Tensor, slot: Tensor) -> Tensor:
        """Return the entry whose range holds each slot, by bisection."""
        entry = (2 * place + quantizer) * SYMBOLS
        half = SYMBOLS // 2
        while half:
            further = entry + half
            entry = torch.where(self.starts[further] <= slot, further, entry)
            half //= 2
        return entry

    def value(self, entry: Tensor, quantizer: Tensor | int, steps: Tensor) -> Tensor:
        """Return what steps stand for, in steps of the first quantizer (float32)."""
        return steps - 0.5 * quantizer * steps.sign() + self.shifts[entry]

    def most(self, place: Tensor) -> Tensor:
        """Return the largest step, an odd number, that a row can tell."""
        return (SYMBOLS // 2 << self.low[place]) - 1


def nearest(size: Tensor, quantizer: int, parity: int) -> Tensor:
    """Return the step ≥ 0 of a parity that suits each number ≥ 0 (int64)."""
    pairs = torch.floor((size + (0.5 * quantizer - parity + 1 - _WIDER_ZERO)) / 2)
    return 2 * pairs.clamp_min(0).long() + parity


def symbol_of(high: Tensor) -> Tensor:
    """Return 0, 1, 2, 3, … for 0, −1, 1, −2, …."""
    return torch.where(high < 0, -2 * high - 1, 2 * high)


def high_of(symbol: Tensor) -> Tensor:
    """Undo `symbol_of`."""
    return torch.where(symbol % 2 == 1, -(symbol + 1) // 2, symbol // 2)


def shared_out(mass: Tensor) -> Tensor:
    """Return whole sizes ≥ 1 (…, symbols), 2^16 in all, by mass; the first takes the rest."""
    whole = 1 << PRECISION
    sizes = 1 + (mass * (whole - mass.shape[-1])).round().long()
    sizes[..., 0] += whole - sizes.sum(-1)
    return sizes


@lru_cache(maxsize=4)
def step_tables(device: torch.device) -> StepTables:
    """Return the tables, made on the CPU in fp64 so that every device has the same."""
    deviation = torch.exp2(torch.arange(_LOWEST, _HIGHEST + 1, dtype=torch.float64) / OCTAVE)
    low = (deviation.log2().ceil() - _COARSE).clamp_min(0).long()
    first = torch.arange(-SYMBOLS // 2, SYMBOLS // 2 + 1) << low[:, None]  # (scales, 129)
    edges = _edges(first, deviation[:, None, None]) / deviation[:, None, None]
    edges[..., 0], edges[..., -1] = -torch.inf, torch.inf
    order = high_of(torch.arange(SYMBOLS))
    mass = torch.special.ndtr(edges).diff(dim=2)
    rare = torch.special.ndtr(edges / _RARE_WIDTH).diff(dim=2)
    mass = (1 - _RARE) * mass + _RARE * rare
    sizes = shared_out(mass[..., order + SYMBOLS // 2])
    starts = sizes.cumsum(2) - sizes
    costs = PRECISION + low[:, None, None] - sizes.double().log2()
    shifts = torch.where(low[:, None, None] == 0, _shifts(order, deviation[:, None, None]), 0)
    tables = (starts, sizes, costs.float(), shifts.float(), low)
    return StepTables(*(table.flatten().to(device) for table in tables))


def _edges(first: Tensor, deviation: Tensor) -> Tensor:
    """Return where the cells that begin with the steps `first` begin (scales, 2, cells).

    The path through the trellis gives a number to one of several steps, by what suits its
    neighbours and what is cheap. How often it chooses which was counted on independent normal
    numbers, probabilities and choice in turn until they agreed (deviations of 2^-1.75 … 2^1.5
    steps, 0.09 steps² worth a bit); these few constants give the same counts as a rule within
    0.01 bits.
    """
    small = deviation.clamp_min(_LEAST_FITTED)
    zero = torch.cat([0.5 + 0.07 * small**-1.5, 0.11 + 0.0035 * small**-3.5], 1)
    q = first[:, None, :].double()
    middle = torch.cat([q - 0.5, torch.where(q > 0, q - 1, q)], 1)
    outer = middle.abs() * (1 + 0.085 * small**-2)
    outer = torch.maximum(outer, zero + 0.2) * middle.sign()
    return torch.where(q == 1, zero, torch.where(q == 0, -zero, outer))


def _shifts(step: Tensor, deviation: Tensor) -> Tensor:
    """Return from values to the means of what takes them (scales, 2, steps); see `_edges`."""
    inwards = -(0.0125 * deviation**-3).clamp_max(0.22)
    shift = torch.cat([inwards, torch.full_like(deviation, 0.07)], 1)
    return torch.where(step.abs() == 1, shift * step.sign(), 0.0)
