"""Entropy-coded steps: every vector in the same bytes, its step as fine as these allow.

A vector names one of up to 256 classes (a Gaussian mixture fitted to the latents), and the size of
its step; then come its components as steps from the class's mean, on two quantizers in turn as a
trellis says, all in one code of a range coder with the probabilities of a normal variable of the
class's deviation. Uniform steps with an entropy code lie 1.53 dB from the rate–distortion bound of
any density at high rates (Gish & Pierce 1968), the trellis about 0.65 dB; the mixture is what
brings a latent that is not Gaussian below the bound of its covariance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2

import torch
from torch import Tensor

from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import Setting, by_rows, require_latent, require_stored
from kvsplice_core.codec.quantizers.classes import Classes
from kvsplice_core.codec.quantizers.filling import (
    NO_NUMBER,
    Told,
    fill,
    fineness_ranges,
    nothing,
    size_of,
)
from kvsplice_core.codec.quantizers.ranges import PRECISION, Decoder, encode
from kvsplice_core.codec.quantizers.steps import (
    OCTAVE,
    SYMBOLS,
    StepTables,
    high_of,
    step_tables,
    symbol_of,
)
from kvsplice_core.codec.quantizers.trellis import quantizer_of, transitions

LEAST_BYTES = 3
_FARTHEST = 2.0**40  # usual steps from the centre
_NOISE = 0.062  # error of a component, in squares of a step


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
    kind = Quantization.ENTROPY_CODED

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

    @property
    def _share(self) -> int:
        """What each class has of the range of a symbol."""
        return (1 << PRECISION) // len(self.means)

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8: a code of class, size of the step, components."""
        require_latent(latent, self.k)
        return by_rows(self._pack_rows, latent, self.size)

    def _pack_rows(self, latent: Tensor) -> Tensor:  # (rows, k)
        latent = latent.float()
        lost = latent.isnan().any(1)
        latent = torch.where(lost[:, None], self.centre, latent)
        units = ((latent - self.centre) / self.step).clamp(-_FARTHEST, _FARTHEST)
        deviations = torch.exp2(self.scales.float() / OCTAVE)
        own = Classes(self.means * self.unit, deviations.square()).of(units, _NOISE)
        own = torch.where(lost, 0, own)
        units = units - self.means[own] * self.unit
        scales = self.scales[own].long().T.contiguous()
        room = 8 * self.size - PRECISION + log2(self._share)
        told = fill(self._tables, units.T.contiguous(), scales, room)
        told.put(lost.nonzero().squeeze(1), nothing(self.k, int(lost.sum()), NO_NUMBER, units))
        starts, sizes = self._ranges(own, told, scales)
        return encode(starts, sizes, self.size)

    def _ranges(self, own: Tensor, told: Told, scales: Tensor) -> tuple[Tensor, Tensor]:
        """Return starts and sizes (symbols, rows): class, size of the step, components."""
        tables, (fine_starts, fine_sizes) = self._tables, fineness_ranges(own.device)
        first = symbol_of(told.fineness)
        place = tables.place(scales - told.fineness)
        low, entry = tables.low[place], tables.entry(place, told.quantizers, told.steps)
        size = 1 << (PRECISION - low)
        rest = (told.steps & ((1 << low) - 1)) * size
        coarse = (low > 0).any(1)
        kept = torch.stack([torch.ones_like(coarse), coarse], 1).flatten()
        starts = torch.stack([tables.starts[entry], rest], 1).flatten(0, 1)[kept]
        sizes = torch.stack([tables.sizes[entry], size], 1).flatten(0, 1)[kept]
        whose = torch.full_like(own, self._share)
        return (
            torch.cat([torch.stack([own * self._share, fine_starts[first]]), starts]),
            torch.cat([torch.stack([whose, fine_sizes[first]]), sizes]),
        )

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.size)
        return by_rows(self._unpack_rows, stored, self.k)

    def _unpack_rows(self, stored: Tensor) -> Tensor:  # (rows, size)
        decoder = Decoder(stored)
        own = (decoder.slot // self._share).clamp_max(len(self.means) - 1)
        decoder.take(own * self._share, torch.full_like(own, self._share))
        starts, sizes = fineness_ranges(own.device)
        first = torch.searchsorted(starts, decoder.slot, right=True) - 1
        decoder.take(starts[first], sizes[first])
        fineness = high_of(first)
        place = self._tables.place(self.scales[own].long().T - fineness)
        steps = self._decoded(decoder, place)
        units = steps.T * size_of(fineness)[:, None] + self.means[own] * self.unit
        return units * self.step + self.centre

    def _decoded(self, decoder: Decoder, place: Tensor) -> Tensor:  # (k, rows)
        tables, after = self._tables, transitions(place.device)
        low = tables.low[place]
        coarse = (low > 0).any(1).tolist()
        values = torch.zeros(place.shape, device=place.device)
        state = torch.zeros_like(place[0])
        for i in range(self.k):
            quantizer = quantizer_of(state)
            entry = tables.find(place[i], quantizer, decoder.slot)
            decoder.take(tables.starts[entry], tables.sizes[entry])
            step = high_of(entry % SYMBOLS)
            if coarse[i]:
                size = 1 << (PRECISION - low[i])
                rest = decoder.slot // size
                decoder.take(rest * size, size)
                step = (step << low[i]) + rest
            values[i] = tables.value(entry, quantizer, step)
            state = after[2 * state + step % 2]
        return values

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
