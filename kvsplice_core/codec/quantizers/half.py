"""The latent in fp16: two bytes a number, nothing learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import (
    Quantizer,
    Setting,
    WithoutTensors,
    from_half_bytes,
    require_budget,
    require_latent,
    require_latents,
    require_no_tensors,
    require_stored,
    to_half_bytes,
)
from kvsplice_core.codec.quantizers.spec import QuantizerSpec


@dataclass(frozen=True)
class Half(WithoutTensors):
    """fp16, what a cache holds without a quantizer; larger numbers clamp at ±65 504."""

    k: int
    kind = Quantization.FP16

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes."""
        return 2 * self.k

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8 (…, 2k)."""
        require_latent(latent, self.k)
        return to_half_bytes(latent)

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.bytes_per_vector)
        return from_half_bytes(stored)

    def settings(self) -> Mapping[str, Setting]:
        """Return nothing: k says all."""
        return {}


class HalfKind:
    """How fp16 is fitted and restored."""

    def fit(
        self,
        latents: Tensor,
        spec: QuantizerSpec,  # noqa: ARG002
        budget_bits: int,
        weights: Tensor | None = None,  # noqa: ARG002
    ) -> Quantizer:
        """Return fp16; SpecError below 16 bits per number."""
        require_latents(latents)
        k = latents.shape[1]
        require_budget(2 * k, budget_bits, f"fp16 of {k} numbers")
        return Half(k)

    def restore(
        self,
        tensors: Mapping[str, Tensor],
        settings: Mapping[str, Setting],  # noqa: ARG002
        k: int,
    ) -> Quantizer:
        """Rebuild it from nothing."""
        require_no_tensors(tensors)
        return Half(k)


KIND = HalfKind()
