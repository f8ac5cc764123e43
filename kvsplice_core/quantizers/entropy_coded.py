"""Entropy-coded steps: every vector in the same bytes, its step as fine as these allow.

A vector names one of up to 256 classes (a Gaussian mixture fitted to the latents), and the size of
its step; then come its components as uniform steps from the class's mean, coded by rANS with the
probabilities of a normal variable of the class's deviation. Uniform steps with an entropy code lie
1.53 dB from the rate–distortion bound of any density at high rates (Gish & Pierce 1968); the
mixture is what brings a latent that is not Gaussian below the bound of its covariance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.quantizers.base import (
    HALF_MAX,
    Setting,
    by_rows,
    require_latent,
    require_stored,
)
from kvsplice_core.quantizers.classes import Classes
from kvsplice_core.quantizers.rans import PRECISION, Decoder, encode
from kvsplice_core.quantizers.steps import (
    OCTAVE,
    SYMBOLS,
    StepTables,
    high_of,
    rounded,
    step_tables,
    symbol_of,
)

HEAD_BYTES = 2  # class, size of the step
_FINE = 32  # sizes of a step per doubling
_USUAL = 64  # the size that stands for 1: sizes reach from 2^-2 to 2^6
_LARGEST = 255
_SLACK_BITS = 8.0  # what a code takes beyond its costs, about; the true length decides


@dataclass(frozen=True)
class EntropyCoded:
    """Steps from a class's mean, entropy-coded into a fixed number of bytes.

    Parameters
    ----------
    centre, step : Tensor, shape (k,)
        Where the components' units lie, and how large they are.
    unit : Tensor, shape (k,)
        What the means are multiples of, in steps.
    means, scales : Tensor, shape (classes, k)
        int8; each class's means, and 8 log₂ of its deviations in steps.
    size : int
        Bytes per vector.
    """

    centre: Tensor
    step: Tensor
    unit: Tensor
    means: Tensor
    scales: Tensor
    size: int

    @property
    def k(self) -> int:
        """Numbers per latent vector."""
        return len(self.centre)

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes, its class and step included."""
        return self.size

    @property
    def _tables(self) -> StepTables:
        return step_tables(self.centre.device)

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8: class, size of the step, code."""
        require_latent(latent, self.k)
        return by_rows(self._pack_rows, latent, self.size)

    def _pack_rows(self, latent: Tensor) -> Tensor:  # (rows, k)
        units = (latent.float().clamp(-HALF_MAX, HALF_MAX) - self.centre) / self.step
        deviations = torch.exp2(self.scales.float() / OCTAVE)
        own = Classes(self.means * self.unit, deviations.square()).of(units, 1 / 12)
        units = units - self.means[own] * self.unit
        codes, fineness = self._coded(units, own, self._finest(units, own))
        return torch.cat([torch.stack([own, fineness], 1).to(torch.uint8), codes], 1)

    def _finest(self, units: Tensor, own: Tensor) -> Tensor:
        """Return the smallest step (rows,) whose code should fit, by bisection."""
        room = 8 * (self.size - HEAD_BYTES) - _SLACK_BITS
        low, high = torch.zeros_like(own), torch.full_like(own, _LARGEST)
        for _ in range(_LARGEST.bit_length()):
            middle = (low + high) // 2
            entry, _ = self._entries(units, own, middle)
            fits = self._tables.costs[entry].sum(1) <= room
            high = torch.where(fits, middle, high)
            low = torch.where(fits, low, middle + 1).minimum(high)
        return high

    def _places(self, own: Tensor, fineness: Tensor) -> Tensor:
        """Return each component's row in the tables (rows, k)."""
        ratio = _FINE // OCTAVE
        octaves = torch.div(fineness - _USUAL + ratio // 2, ratio, rounding_mode="floor")
        return self._tables.place(self.scales[own].long() - octaves[:, None])

    def _entries(self, units: Tensor, own: Tensor, fineness: Tensor) -> tuple[Tensor, Tensor]:
        """Return each component's entry in the tables, and its low bits (rows, k)."""
        place = self._places(own, fineness)
        low = self._tables.low[place]
        most = (SYMBOLS // 2 << low) - 1
        steps = rounded(units / _size_of(fineness)[:, None]).clamp(-most - 1, most)
        return place * SYMBOLS + symbol_of(steps >> low), steps & ((1 << low) - 1)

    def _coded(self, units: Tensor, own: Tensor, fineness: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (rows, size − 2), and the sizes of step (rows,) with which they fit."""
        stored = self._no_codes(len(units))
        left, further = torch.arange(len(units), device=units.device), 1
        fineness = fineness.clone()
        while len(left) > 0:
            told = self._entries(units[left], own[left], fineness[left])
            codes, fits = encode(*self._ranges(*told), self.size - HEAD_BYTES)
            stored[left[fits]] = codes[fits]
            left = left[~fits]
            # where the largest step did not fit, the class's mean does: zeros take no bytes
            keeps = (fineness[left] < _LARGEST)[:, None]
            units = units.index_put((left,), torch.where(keeps, units[left], 0))
            fineness[left] = (fineness[left] + further).clamp_max(_LARGEST)
            further *= 2
        return stored, fineness

    def _no_codes(self, rows: int) -> Tensor:
        width = self.size - HEAD_BYTES
        return torch.zeros(rows, width, dtype=torch.uint8, device=self.centre.device)

    def _ranges(self, entry: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """Return starts and sizes (symbols, rows) in order: each component, then its low bits."""
        low = self._tables.low[entry // SYMBOLS]
        size = 1 << (PRECISION - low)
        starts = torch.stack([self._tables.starts[entry], rest * size], 2).flatten(1)
        sizes = torch.stack([self._tables.sizes[entry], size], 2).flatten(1)
        most = _most(low)
        told = torch.stack([torch.ones_like(most), most], 1).flatten() > 0
        return starts[:, told].T, sizes[:, told].T

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.size)
        return by_rows(self._unpack_rows, stored, self.k)

    def _unpack_rows(self, stored: Tensor) -> Tensor:  # (rows, size)
        own, fineness = stored[:, 0].long().clamp_max(len(self.means) - 1), stored[:, 1].long()
        place = self._places(own, fineness)
        steps = self._decoded(Decoder(stored[:, HEAD_BYTES:]), place)
        units = steps * _size_of(fineness)[:, None] + self.means[own] * self.unit
        return units * self.step + self.centre

    def _decoded(self, decoder: Decoder, place: Tensor) -> Tensor:  # (rows, k)
        tables, steps = self._tables, torch.zeros(place.shape, device=place.device)
        low = tables.low[place]
        coarse = _most(low).tolist()
        for i in range(self.k):
            entry = tables.find(place[:, i], decoder.slot)
            decoder.take(tables.starts[entry], tables.sizes[entry])
            steps[:, i] = tables.means[entry]
            if coarse[i]:
                bits = low[:, i]
                size = 1 << (PRECISION - bits)
                rest = decoder.slot // size
                decoder.take(rest * size, size)
                whole = (high_of(entry % SYMBOLS) << bits) + rest
                steps[:, i] = torch.where(bits > 0, whole.float(), steps[:, i])
        return steps

    def settings(self) -> Mapping[str, Setting]:
        """Return the bytes per vector."""
        return {"bytes": self.size}

    def tensors(self) -> Mapping[str, Tensor]:
        """Return what classes and steps are made of."""
        return {
            "centre": self.centre,
            "step": self.step,
            "unit": self.unit,
            "means": self.means,
            "scales": self.scales,
        }

    def map(self, function: Callable[[Tensor], Tensor]) -> EntropyCoded:
        """Return the same quantizer with `function` applied to its tensors."""
        moved = {name: function(held) for name, held in self.tensors().items()}
        return EntropyCoded(**moved, size=self.size)


def _most(low: Tensor) -> Tensor:
    """Return the most low bits that a row has of each component (k,); 0 without rows."""
    return torch.nn.functional.pad(low, (0, 0, 0, 1)).amax(0)


def _size_of(fineness: Tensor) -> Tensor:
    """Return the step (rows,) in units of the usual one."""
    return torch.exp2((fineness - _USUAL).float() / _FINE)
