"""int8 and int4: symmetric whole numbers with one fp16 scale per vector."""

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
from kvsplice_core.codec.quantizers.spec import QuantizerSpec

_SCALE_BYTES = 2


@dataclass(frozen=True)
class Integer(WithoutTensors):
    """Whole numbers in ±(2^(bits−1) − 1) times a scale that the largest number sets.

    Parameters
    ----------
    k : int
        Numbers per latent vector.
    bits : int
        Bits per number, 4 or 8.
    """

    k: int
    bits: int

    @property
    def kind(self) -> Quantization:
        """The quantizer of so many bits."""
        return Quantization.INT4 if self.bits == 4 else Quantization.INT8

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes, its scale included."""
        return _SCALE_BYTES + packed_bytes(self._widths)

    @property
    def _widths(self) -> Tensor:
        return torch.full((self.k,), self.bits)

    @property
    def _top(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8 (…, bytes_per_vector): the scale, then the codes."""
        require_latent(latent, self.k)
        return by_rows(self._pack_rows, latent, self.bytes_per_vector)

    def _pack_rows(self, latent: Tensor) -> Tensor:  # (rows, k)
        x = latent.float().clamp(-HALF_MAX, HALF_MAX)
        scale = to_half_bytes(x.abs().amax(1, keepdim=True) / self._top)
        step = from_half_bytes(scale)
        rounded = (x / torch.where(step > 0, step, 1)).round().clamp(-self._top, self._top)
        codes = (rounded + self._top).to(torch.uint8)
        return torch.cat([scale, pack_codes(codes, self._widths)], 1)

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.bytes_per_vector)
        return by_rows(self._unpack_rows, stored, self.k)

    def _unpack_rows(self, stored: Tensor) -> Tensor:  # (rows, bytes)
        codes = unpack_codes(stored[:, _SCALE_BYTES:], self._widths)
        return (codes.float() - self._top) * from_half_bytes(stored[:, :_SCALE_BYTES])

    def settings(self) -> Mapping[str, Setting]:
        """Return the bits per number."""
        return {"bits": self.bits}


@dataclass(frozen=True)
class IntegerKind:
    """How integers of so many bits are fitted and restored."""

    bits: int

    def fit(
        self,
        latents: Tensor,
        spec: QuantizerSpec,  # noqa: ARG002
        budget_bits: int,
        weights: Tensor | None = None,  # noqa: ARG002
    ) -> Quantizer:
        """Return the integers; SpecError if they do not fit the budget."""
        require_latents(latents)
        quantizer = Integer(latents.shape[1], self.bits)
        what = f"int{self.bits} of {quantizer.k} numbers with its scale"
        require_budget(quantizer.bytes_per_vector, budget_bits, what)
        return quantizer

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, Setting], k: int
    ) -> Quantizer:
        """Rebuild it from its bits; CodecFileError if they are none."""
        require_no_tensors(tensors)
        return Integer(k, whole_setting(settings, "bits", self.bits, self.bits))


INT8, INT4 = IntegerKind(8), IntegerKind(4)
