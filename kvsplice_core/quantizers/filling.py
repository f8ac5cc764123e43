"""How fine the steps of vectors may be, and which path through the trellis then fills the room."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from kvsplice_core.quantizers.ranges import PRECISION
from kvsplice_core.quantizers.steps import (
    OCTAVE,
    StepTables,
    high_of,
    nearest,
    shared_out,
    symbol_of,
)
from kvsplice_core.quantizers.trellis import best_path

_FINE = 4  # sizes of a step per doubling
_MOST = 6 * _FINE  # sizes reach from 2^-6 to 2^6
import os
_SPREAD = float(os.environ.get("KV_SPREAD", 1.0))  # of the sizes that vectors take: a step further is exp(-1 / spread) as likely
_WORTH = float(os.environ.get("KV_WORTH", 0.09))  # of a bit, in squares of a step
_WORTH_OFF = float(os.environ.get("KV_WORTHOFF", 1.0))
_ROUNDS = int(os.environ.get("KV_ROUNDS", 5))
_LEFT = 0.05  # bits of the room that stay, for what rounding does to the sum of the costs


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of n vectors.

    Parameters
    ----------
    fineness : Tensor, shape (n,)
        int64; size of the step, in quarters of an octave from the usual one.
    steps, quantizers : Tensor, shape (k, n)
        int64.
    """

    fineness: Tensor
    steps: Tensor
    quantizers: Tensor

    def put(self, rows: Tensor, other: Told) -> None:
        """Take the rows of another in place of one's own."""
        self.fineness[rows] = other.fineness
        self.steps[:, rows] = other.steps
        self.quantizers[:, rows] = other.quantizers


def size_of(fineness: Tensor) -> Tensor:
    """Return the step (n,) in units of the usual one."""
    return torch.exp2(fineness.float() / _FINE)


def scale_at(scales: Tensor, fineness: Tensor) -> Tensor:
    """Return scales in steps of a fineness from those in usual steps."""
    return scales - OCTAVE // _FINE * fineness


def fineness_ranges(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return starts and sizes (49,) of the usual fineness, of −1, 1, −2, … from it."""
    away = high_of(torch.arange(2 * _MOST + 1)).abs().double()
    mass = torch.exp(-away / _SPREAD)
    sizes = shared_out(mass / mass.sum())
    return (sizes.cumsum(0) - sizes).to(device), sizes.to(device)


class Filling:
    """Vectors (k, n) in usual steps, to be told in so many bits, the fineness included."""

    def __init__(self, tables: StepTables, units: Tensor, scales: Tensor, room: float) -> None:
        self._tables, self._units, self._scales = tables, units, scales
        self._fine = PRECISION - fineness_ranges(units.device)[1].double().log2().float()
        self._room = room - _LEFT

    def told(self) -> Told:
        """Return steps as fine as the room allows; zeros where even the coarsest do not fit."""
        told, fits = self._filled(self._finest())
        left, further = (~fits).nonzero().squeeze(1), 1
        while len(left) > 0:
            part = self._of(left)
            fineness = (told.fineness[left] + further).clamp_max(_MOST)
            found, fits = part._filled(fineness)
            found.put(*part._nothing(~fits & (fineness == _MOST)))
            told.put(left, found)
            left, further = left[~fits & (fineness < _MOST)], 2 * further
        return told

    def _of(self, rows: Tensor) -> Filling:
        room = self._room + _LEFT
        return Filling(self._tables, self._units[:, rows], self._scales[:, rows], room)

    def _nothing(self, where: Tensor) -> tuple[Tensor, Told]:
        """Return rows, and zeros of the usual step for them: a code of these takes no bytes."""
        rows = where.nonzero().squeeze(1)
        zeros = torch.zeros(len(self._units), len(rows), dtype=torch.int64, device=rows.device)
        return rows, Told(torch.zeros_like(rows), zeros, zeros)

    def _finest(self) -> Tensor:
        """Return the size of step (n,) that should fill the room best, by bisection."""
        low = torch.full_like(self._scales[0], -_MOST)
        high = torch.full_like(low, _MOST)
        while bool((low < high).any()):
            middle = (low + high) // 2
            fits = self._rough(2 * middle + 1) <= self._room
            high = torch.where(fits, middle, high)
            low = torch.where(fits, low, middle + 1).minimum(high)
        return high

    def _rough(self, eighths: Tensor) -> Tensor:
        """Return about the bits (n,) at a size of step in eighths of an octave, without a path."""
        place = self._tables.place(self._scales - eighths)
        size = torch.exp2(eighths.float() / OCTAVE)
        steps = torch.floor((self._units / size).abs() + 0.45).long()
        steps = torch.minimum(steps, self._tables.most(place))
        return self._tables.costs[self._tables.entry(place, 0, steps)].sum(0)

    def _filled(self, fineness: Tensor) -> tuple[Told, Tensor]:
        """Return what is told at a size of step, and whether it fits (n,).

        What a bit is worth is sought so that the path just fills the room.
        """
        error, bits, steps = self._ways(fineness)
        room = self._room - self._fine[symbol_of(fineness)]
        search = _Search(torch.full_like(room, _WORTH), (self._scales > -OCTAVE).sum(0))
        best = torch.zeros_like(self._scales)
        kept = torch.full_like(room, -torch.inf)
        for _ in range(_ROUNDS):
            path = best_path(error + search.worth * bits)
            taken = bits.gather(1, path[:, None]).sum((0, 1))
            better = (taken <= room) & (taken > kept)
            best = torch.where(better, path, best)
            kept = torch.where(better, taken, kept)
            search.learn(taken - room)
        chosen = steps.gather(1, best[:, None]).squeeze(1)
        return Told(fineness, chosen, best // 2), kept > -torch.inf

    def _ways(self, fineness: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return squared error, bits and step of each way on (k, 4, n); see `best_path`."""
        tables, ways = self._tables, []
        place = tables.place(scale_at(self._scales, fineness))
        x, most = self._units / size_of(fineness), tables.most(place)
        for quantizer, parity in product(range(2), range(2)):
            step = torch.minimum(nearest(x.abs(), quantizer, parity), most - 1 + parity)
            step = torch.where(x < 0, -step, step)
            entry = tables.entry(place, quantizer, step)
            error = (x - tables.value(entry, quantizer, step)).square()
            ways.append((error, tables.costs[entry], step))
        error, bits, step = (torch.stack(one, 1) for one in zip(*ways, strict=True))
        return error, bits, step


class _Search:
    """What a bit is worth to each vector (n,), in squares of a step: a root, by regula falsi."""

    def __init__(self, worth: Tensor, active: Tensor) -> None:
        self._at = worth.log2()
        self._slope = 0.4 * active.clamp_min(1)
        self._low = torch.full_like(worth, -torch.inf)
        self._high = torch.full_like(worth, torch.inf)
        self._over, self._under = torch.zeros_like(worth), torch.zeros_like(worth)

    @property
    def worth(self) -> Tensor:
        return self._at.exp2()

    def learn(self, excess: Tensor) -> None:
        """Move on, by the bits beyond the room that the worth led to."""
        beyond = excess > 0
        self._low, self._over = _put(beyond, (self._at, excess), (self._low, self._over))
        self._high, self._under = _put(~beyond, (self._at, excess), (self._high, self._under))
        between = (self._low.isfinite() & self._high.isfinite())
        share = (self._over / (self._over - self._under).clamp_min(1e-6)).clamp(0.1, 0.9)
        inner = self._low + share * (self._high - self._low)
        outer = self._at + excess / self._slope + torch.where(beyond, 0.05, -0.02)
        self._at = torch.where(between, inner, outer.clamp(-12, 4))


def _put(where: Tensor, new: tuple[Tensor, Tensor], old: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.where(where, new[0], old[0]), torch.where(where, new[1], old[1])
