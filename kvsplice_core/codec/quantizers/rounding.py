"""Plain rounding per token in groups: the field's baseline (KIVI, Liu et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import (
    HALF_MAX,
    Quantizer,
    Setting,
    WithoutTensors,
    by_rows,
    from_half_bytes,
    require_budget,
    require_latent,
    require_latents,
    require_no_tensors,
    require_stored,
    to_half_bytes,
    whole_setting,
)
from kvsplice_core.codec.quantizers.packing import pack_codes, packed_bytes, unpack_codes
from kvsplice_core.codec.quantizers.spec import ROUNDING_BITS, QuantizerSpec


@dataclass(frozen=True)
class Rounding(WithoutTensors):
    """Equal steps from each group's minimum to its maximum, both per vector.

    An fp16 minimum and an fp16 step stand with each group, so that 2 bits in groups of 64 are
    2.5 bits a number, counted in full.

    Parameters
    ----------
    k : int
        Numbers per latent vector.
    group : int
        Numbers per group; the last group may be shorter.
    bits : int
        Bits per number, 1 … 8.
    """

    k: int
    group: int
    bits: int
    kind = Quantization.ROUNDING

    @property
    def groups(self) -> int:
        """Groups per latent vector."""
        return -(-self.k // self.group)

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes, minima and steps included."""
        return 4 * self.groups + packed_bytes(self._widths)

    @property
    def _widths(self) -> Tensor:
        return torch.full((self.k,), self.bits)

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8: minima, steps, codes."""
        require_latent(latent, self.k)
        return by_rows(self._pack_rows, latent, self.bytes_per_vector)

    def _pack_rows(self, latent: Tensor) -> Tensor:  # (rows, k)
        grouped = self._grouped(latent.float().clamp(-HALF_MAX, HALF_MAX))
        low, high = grouped.aminmax(dim=2)
        minimum = to_half_bytes(low)
        start = from_half_bytes(minimum)
        step = to_half_bytes((high - start).clamp_min(0) / (2**self.bits - 1))
        codes = self._codes(grouped, start, from_half_bytes(step))
        return torch.cat([minimum, step, pack_codes(codes, self._widths)], 1)

    def _grouped(self, x: Tensor) -> Tensor:  # (rows, groups, group)
        # the last number fills a shorter group up: it moves neither minimum nor maximum
        places = torch.arange(self.groups * self.group, device=x.device).clamp_max(self.k - 1)
        return x[:, places].reshape(-1, self.groups, self.group)

    def _codes(self, grouped: Tensor, start: Tensor, step: Tensor) -> Tensor:  # (rows, k)
        divisor = torch.where(step > 0, step, 1)[..., None]
        rounded = ((grouped - start[..., None]) / divisor).round().clamp(0, 2**self.bits - 1)
        return rounded.to(torch.uint8).flatten(1)[:, : self.k]

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.bytes_per_vector)
        return by_rows(self._unpack_rows, stored, self.k)

    def _unpack_rows(self, stored: Tensor) -> Tensor:  # (rows, bytes)
        scales = 2 * self.groups
        start, step = (
            from_half_bytes(part) for part in torch.split(stored[:, : 2 * scales], scales, 1)
        )
        codes = unpack_codes(stored[:, 2 * scales :], self._widths).float()
        places = torch.arange(self.k, device=stored.device) // self.group
        return codes * step[:, places] + start[:, places]

    def settings(self) -> Mapping[str, Setting]:
        """Return the group and the bits per number."""
        return {"group": self.group, "bits": self.bits}


class RoundingKind:
    """How plain rounding is fitted and restored."""

    def fit(
        self,
        latents: Tensor,
        spec: QuantizerSpec,
        budget_bits: int,
        weights: Tensor | None = None,  # noqa: ARG002
    ) -> Quantizer:
        """Return rounding at the bits of `spec`, or the most that the budget allows."""
        require_latents(latents)
        wished = ROUNDING_BITS if spec.bits_per_number is None else (spec.bits_per_number,)
        choices = [Rounding(latents.shape[1], spec.group, bits) for bits in wished]
        fitting = [choice for choice in choices if choice.bytes_per_vector <= budget_bits // 8]
        least = choices[0]
        what = f"rounding of {least.k} numbers to {least.bits} bits in groups of {least.group}"
        require_budget(least.bytes_per_vector, budget_bits, what)
        return fitting[-1]

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, Setting], k: int
    ) -> Quantizer:
        """Rebuild it from group and bits; CodecFileError if they do not fit."""
        require_no_tensors(tensors)
        group = whole_setting(settings, "group", 1, 2**31)
        return Rounding(k, group, whole_setting(settings, "bits", 1, 8))


KIND = RoundingKind()
