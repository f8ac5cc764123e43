"""How fine the steps of vectors may be, and which path through the trellis then fills the room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import pad

from kvsplice_core.codec.quantizers.ranges import PRECISION
from kvsplice_core.codec.quantizers.steps import (
    OCTAVE,
    StepTables,
    high_of,
    nearest,
    shared_out,
    symbol_of,
)
from kvsplice_core.codec.quantizers.trellis import best_path, subset_of

_MOST = 12 * OCTAVE  # a step is 2^-12 to 2^12 of the usual one
NO_NUMBER = -_MOST - 1
"""In place of a size: the vector holds NaN, and NaN comes back."""

_SPREAD = 2.5  # a step one size further from the usual one is exp(-1 / 2.5) as likely
_ODD = 0.05  # of the vectors may take any size
_WORTH = 0.09  # of a bit, in squares of a step: what the tables of steps suppose
_ROUNDS = 3
_SLOPE = 0.3  # bits per component that a bit of twice the worth saves, about
_BEYOND = 6.0  # bits: how far past the room to look for its other side
_COARSER = 0.25  # sizes; too coarse a step costs less than too fine a one
_LEFT = 0.05  # bits of the room that stay, for what rounding does to the sum of the costs


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of n vectors.

    Parameters
    ----------
    fineness : Tensor, shape (n,)
        int64; size of the step, in eighths of an octave from the usual one.
    steps, quantizers : Tensor, shape (k, n)
        int64.
    """

    fineness: Tensor
    steps: Tensor
    quantizers: Tensor

    def put(self, rows: Tensor, other: Told) -> None:
        """Take another's vectors in place of one's own `rows`."""
        self.fineness[rows] = other.fineness
        self.steps[:, rows] = other.steps
        self.quantizers[:, rows] = other.quantizers


def size_of(fineness: Tensor) -> Tensor:
    """Return the step (n,) in units of the usual one; NaN for `NO_NUMBER`."""
    return _sizes(fineness.device)[fineness - NO_NUMBER]


@lru_cache(maxsize=4)
def _sizes(device: torch.device) -> Tensor:
    # made once, in fp64 on the CPU: every batch and every device has the same to the last bit
    sizes = torch.exp2(torch.arange(NO_NUMBER, _MOST + 1, dtype=torch.float64) / OCTAVE)
    sizes[0] = torch.nan
    return sizes.float().to(device)


@lru_cache(maxsize=4)
def fineness_ranges(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return starts and sizes (194,) of the usual step, of −1, 1, −2, … from it."""
    mass = torch.exp(-high_of(torch.arange(2 * _MOST + 2)).abs().double() / _SPREAD)
    sizes = shared_out((1 - _ODD) * mass / mass.sum() + _ODD / len(mass))
    return (sizes.cumsum(0) - sizes).to(device), sizes.to(device)


def fill(tables: StepTables, units: Tensor, scales: Tensor, room: float) -> Told:
    """Return steps as fine as the room allows.

    Parameters
    ----------
    tables : StepTables
    units, scales : Tensor, shape (k, n)
        Vectors in usual steps, from their class's mean, and 8 log₂ of its deviations (int64).
    room : float
        Bits of a vector, the size of its step included. One that does not fit even in the
        largest steps comes back smaller than it is.
    """
    filling = _Filling(tables, units, scales, room)
    told, fits = filling.filled(filling.finest())
    left, further, units = (~fits).nonzero().squeeze(1), 1, units.clone()
    while len(left) > 0:
        # what does not fit even in the largest steps is halved until it does, or is nothing
        units[:, left] = units[:, left] / (1 + (told.fineness[left] >= _MOST))
        part = _Filling(tables, units[:, left], scales[:, left], room)
        found, fits = part.filled((told.fineness[left] + further).clamp_max(_MOST))
        vanished = ~fits & (part.units.abs().amax(0) < 1)
        found.put(vanished.nonzero().squeeze(1), nothing(len(units), int(vanished.sum()), 0, units))
        told.put(left, found)
        left, further = left[~fits & ~vanished], 2 * further
    return told


def nothing(k: int, count: int, fineness: int, like: Tensor) -> Told:
    """Return zeros of one size of step: they leave a code as it is, and therefore always fit."""
    steps = torch.zeros(k, count, dtype=torch.int64, device=like.device)
    return Told(torch.full_like(steps[0], fineness), steps, steps)


@dataclass(frozen=True, eq=False)
class _Ways:
    """Squared error, bits and step of each way on, (k, 4, n); see `best_path`."""

    error: Tensor
    bits: Tensor
    steps: Tensor

    def path(self, worth: Tensor | float) -> Tensor:
        """Return the best path (k, n) when a bit is worth so much, in squares of a step."""
        return best_path(self.error + worth * self.bits)

    def of(self, path: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return error, bits and steps (k, n) along a path."""
        at = subset_of(path)[:, None]
        error, bits, steps = (x.gather(1, at) for x in (self.error, self.bits, self.steps))
        return error.squeeze(1), bits.squeeze(1), steps.squeeze(1)

    def taken(self, path: Tensor) -> Tensor:
        """Return the bits (n,) of a path."""
        return self.of(path)[1].sum(0)


@dataclass(frozen=True, eq=False)
class _Filling:
    """Vectors (k, n) and the bits of each."""

    tables: StepTables
    units: Tensor
    scales: Tensor
    room: float

    def finest(self) -> Tensor:
        """Return the size of step (n,) whose path about fills the room."""
        low = torch.full_like(self.scales[0], -_MOST)
        high = torch.full_like(low, _MOST)
        for _ in range((2 * _MOST).bit_length()):
            middle = torch.div(low + high, 2, rounding_mode="floor")
            fits = self._rough(middle) <= self._left(middle)
            high = torch.where(fits, middle, high)
            low = torch.where(fits, low, middle + 1).minimum(high)
        ways = self._ways(high)
        excess = ways.taken(ways.path(_WORTH)) - self._left(high)
        # each component of note takes a bit more per halving of the step
        active = (self.scales - high > -2 * OCTAVE).sum(0).clamp_min(1)
        moved = (excess / active * OCTAVE + _COARSER).round().long()
        return (high + moved).clamp(-_MOST, _MOST)

    def _left(self, fineness: Tensor) -> Tensor:
        """Return the bits (n,) that the size of a step leaves for the components."""
        size = fineness_ranges(fineness.device)[1][symbol_of(fineness)]
        return (self.room - _LEFT - PRECISION) + size.float().log2()

    def _rough(self, fineness: Tensor) -> Tensor:
        """Return about the bits (n,) of the components, without a path."""
        place = self.tables.place(self.scales - fineness)
        steps = torch.floor((self.units / size_of(fineness)).abs() + 0.45).long()
        steps = torch.minimum(steps, self.tables.most(place))
        return self.tables.costs[self.tables.entry(place, 0, steps)].sum(0)

    def _ways(self, fineness: Tensor) -> _Ways:
        tables, ways = self.tables, []
        place = tables.place(self.scales - fineness)
        x, most = self.units / size_of(fineness), tables.most(place)
        for quantizer, parity in product(range(2), range(2)):
            step = torch.minimum(nearest(x.abs(), quantizer, parity), most - 1 + parity)
            step = torch.where(x < 0, -step, step)
            entry = tables.entry(place, quantizer, step)
            error = (x - tables.value(entry, quantizer, step)).square()
            ways.append((error, tables.costs[entry], step))
        return _Ways(*(torch.stack(one, 1) for one in zip(*ways, strict=True)))

    def filled(self, fineness: Tensor) -> tuple[Told, Tensor]:
        """Return what is told at a size of step, and whether it fits (n,).

        What a bit is worth is sought so that a path just fits and another is just too long;
        where they meet, one may go on as the other.
        """
        ways, room = self._ways(fineness), self._left(fineness)
        search = _Search.start(room, len(self.units))
        within = beyond = torch.zeros_like(self.scales)
        for _ in range(_ROUNDS):
            path = ways.path(search.worth)
            fits, exceeds = search.learn(ways.taken(path) - room)
            within = torch.where(fits, path, within)
            beyond = torch.where(exceeds, path, beyond)
        beyond = torch.where(search.high_excess.isfinite(), beyond, within)
        path = _spliced(ways, within, beyond, room)
        told = Told(fineness, ways.of(path)[2], subset_of(path) // 2)
        return told, search.low_excess.isfinite()


def _spliced(ways: _Ways, within: Tensor, beyond: Tensor, room: Tensor) -> Tensor:
    """Return the path (k, n) that leaves `within` for `beyond` where that is best and fits."""
    missed, taken, _ = ways.of(within)
    missed_after, taken_after, _ = ways.of(beyond)
    total = _until(taken) + _until(taken_after.flip(0)).flip(0)
    error = _until(missed) + _until(missed_after.flip(0)).flip(0)
    meets = pad(within // 2 == beyond // 2, (0, 0, 0, 1), value=True)
    leaves = torch.where(meets & (total <= room), error, torch.inf)
    leaves[-1] = error[-1]  # never: that fits, or nothing does
    places = torch.arange(len(within), device=within.device)[:, None]
    return torch.where(places < leaves.argmin(0), within, beyond)


def _until(x: Tensor) -> Tensor:
    """Return the sums (k + 1, n) of the first 0, 1, …, k components."""
    return pad(x.cumsum(0), (0, 0, 1, 0))


class _Search:
    """What a bit is worth to each vector (n,): false position on its logarithm.

    The worths nearest the root are kept, with the bits by which they fell short of the room
    (`low_excess`, −∞ while there is none) and went beyond (`high_excess`, ∞).
    """

    def __init__(self, at: Tensor, slope: float) -> None:
        self._at, self._slope = at, slope
        self._dear, self._cheap = torch.full_like(at, torch.inf), torch.full_like(at, -torch.inf)
        self.low_excess, self.high_excess = self._cheap, self._dear

    @classmethod
    def start(cls, room: Tensor, k: int) -> _Search:
        """Start from the usual worth."""
        return cls(torch.full_like(room, _WORTH).log2(), _SLOPE * k)

    @property
    def worth(self) -> Tensor:
        """What to try next."""
        return self._at.exp2()

    def learn(self, excess: Tensor) -> tuple[Tensor, Tensor]:
        """Take the bits beyond the room at the present worth.

        Returns whether it is the nearest so far that fits, and whether that goes beyond.
        """
        fits = (excess <= 0) & (excess > self.low_excess)
        exceeds = (excess > 0) & (excess < self.high_excess)
        self._dear = torch.where(fits, self._at, self._dear)
        self.low_excess = torch.where(fits, excess, self.low_excess)
        self._cheap = torch.where(exceeds, self._at, self._cheap)
        self.high_excess = torch.where(exceeds, excess, self.high_excess)
        share = (self.high_excess / (self.high_excess - self.low_excess)).clamp(0.2, 0.8)
        inner = self._cheap + share * (self._dear - self._cheap)
        outer = self._at + (excess + torch.where(excess > 0, _BEYOND, -_BEYOND)) / self._slope
        between = self.low_excess.isfinite() & self.high_excess.isfinite()
        self._at = torch.where(between, inner, outer.clamp(-12, 4))
        return fits, exceeds
