"""Levels per component, bits where they save most: Lloyd–Max and companded quantizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.codec.kinds import Quantization
from kvsplice_core.codec.quantizers.base import (
    PreparingKind,
    Quantizer,
    Setting,
    by_rows,
    flag_setting,
    from_half_bytes,
    require_latent,
    require_latents,
    require_stored,
    whole_setting,
)
from kvsplice_core.codec.quantizers.codebook import (
    allot_bits,
    own_levels,
    own_tables,
    shared_levels,
    shared_tables,
)
from kvsplice_core.codec.quantizers.gain_shape import (
    NO_ROTATION,
    NORM_BYTES,
    rotated,
    rotation,
    split_gain,
    unrotated,
)
from kvsplice_core.codec.quantizers.levels import Samples, midpoints
from kvsplice_core.codec.quantizers.packing import MAX_WIDTH, pack_codes, packed_bytes, unpack_codes
from kvsplice_core.codec.quantizers.spec import QuantizerSpec

_LEAST_SCALE = 1e-20  # of a constant component: its levels all lie at the mean


@dataclass(frozen=True)
class ScalarLevels:
    """Each component as the nearest of 2^bits levels, optionally gain–shape and rotated.

    Parameters
    ----------
    kind : Quantization
        ``LLOYD_MAX`` or ``COMPANDED``: how the levels were found.
    bits : Tensor, shape (k,)
        int64, 0 … 8.
    centre, scale : Tensor, shape (k,)
        What the levels are units of.
    levels : Tensor, shape (sum of table sizes,)
        Sorted tables one after the other: one of 2^bits per component, or, if `shared`, one for
        each number of bits in use, fewest first.
    shared : bool
        Whether components of equal bits share one table.
    gain : bool
        Whether the norm stands apart, in fp16, and the levels code the direction.
    rotation_seed : int
        Seed of the rotation in front; −1 for none.
    """

    kind: Quantization
    bits: Tensor
    centre: Tensor
    scale: Tensor
    levels: Tensor
    shared: bool
    gain: bool
    rotation_seed: int

    @property
    def k(self) -> int:
        """Numbers per latent vector."""
        return len(self.bits)

    @property
    def bytes_per_vector(self) -> int:
        """Bytes one latent vector takes, its norm included."""
        return self._head_bytes + packed_bytes(self.bits)

    @property
    def _head_bytes(self) -> int:
        return NORM_BYTES if self.gain else 0

    def pack(self, latent: Tensor) -> Tensor:
        """Store latents (…, k) as uint8 (…, bytes_per_vector): the norm, then the codes."""
        require_latent(latent, self.k)
        return by_rows(self._pack_rows, latent, self.bytes_per_vector)

    def _pack_rows(self, latent: Tensor) -> Tensor:  # (rows, k)
        head, shape = split_gain(latent.float()) if self.gain else (None, latent.float())
        units = (rotated(shape, self.rotation_seed) - self.centre) / self.scale
        packed = pack_codes(self._codes(units), self.bits)
        return packed if head is None else torch.cat([head, packed], 1)

    def _codes(self, units: Tensor) -> Tensor:  # (rows, k) -> uint8 (rows, k)
        codes = torch.zeros(units.shape[::-1], dtype=torch.uint8, device=units.device)
        starts = self._starts()
        for width in range(1, MAX_WIDTH + 1):
            where = (self.bits == width).nonzero()[:, 0]
            if len(where) > 0:
                tables = self._tables(starts[where], width)
                found = _nearest(tables, units.T[where])
                codes[where] = found.to(torch.uint8)
        return codes.T

    def _tables(self, starts: Tensor, width: int) -> Tensor:
        """Return the tables (components or 1, 2^width) at `starts`."""
        first = starts[:1] if self.shared else starts
        return self.levels[first[:, None] + torch.arange(2**width, device=first.device)]

    def _starts(self) -> Tensor:
        """Where in `levels` each component's table begins (k,)."""
        if not self.shared:
            sizes = 2**self.bits
            return sizes.cumsum(0) - sizes
        used, place = torch.unique(self.bits, return_inverse=True)
        sizes = 2**used
        starts: Tensor = (sizes.cumsum(0) - sizes)[place]
        return starts

    def unpack(self, stored: Tensor) -> Tensor:
        """Restore float32 latents (…, k)."""
        require_stored(stored, self.bytes_per_vector)
        return by_rows(self._unpack_rows, stored, self.k)

    def _unpack_rows(self, stored: Tensor) -> Tensor:  # (rows, bytes)
        codes = unpack_codes(stored[:, self._head_bytes :], self.bits)
        units = self.levels[self._starts() + codes]
        shape = unrotated(units * self.scale + self.centre, self.rotation_seed)
        return shape * from_half_bytes(stored[:, :NORM_BYTES]) if self.gain else shape

    def settings(self) -> Mapping[str, Setting]:
        """Return what is no tensor."""
        return {"shared": self.shared, "gain": self.gain, "rotation_seed": self.rotation_seed}

    def tensors(self) -> Mapping[str, Tensor]:
        """Return bits, centre, scale and levels."""
        return {
            "bits": self.bits,
            "centre": self.centre,
            "scale": self.scale,
            "levels": self.levels,
        }

    def map(self, function: Callable[[Tensor], Tensor]) -> ScalarLevels:
        """Return the same quantizer with `function` applied to its tensors."""
        moved: dict[str, Any] = {name: function(tensor) for name, tensor in self.tensors().items()}
        return replace(self, **moved)


def _nearest(tables: Tensor, units: Tensor) -> Tensor:
    """Return the place of the nearest level for units (m, n) in tables (m or 1, L)."""
    thresholds = midpoints(tables).contiguous()
    if len(tables) == 1:
        return torch.bucketize(units.contiguous(), thresholds[0], out_int32=True)
    return torch.searchsorted(thresholds, units.contiguous(), out_int32=True)


@dataclass(frozen=True)
class ScalarLevelsKind(PreparingKind):
    """How Lloyd–Max and companded quantizers are fitted and restored."""

    kind: Quantization

    def prepare(
        self, latents: Tensor, spec: QuantizerSpec, weights: Tensor | None = None
    ) -> Callable[[int], Quantizer]:
        """Fit the levels of every number of bits; each budget then chooses among them."""
        require_latents(latents)
        x = latents.float()
        weights = torch.ones_like(x[0]) if weights is None else weights.to(x)
        if not spec.gain:
            return _Prepared.of(self.kind, x, torch.ones_like(x[:, 0]), spec, weights)
        # an error of the direction counts with the square of the norm
        importance = torch.linalg.vector_norm(x, dim=1).square()
        return _Prepared.of(self.kind, split_gain(x)[1], importance, spec, weights)

    def restore(
        self, tensors: Mapping[str, Tensor], settings: Mapping[str, Setting], k: int
    ) -> Quantizer:
        """Rebuild a quantizer; CodecFileError if its parts do not fit together."""
        shared, gain = flag_setting(settings, "shared"), flag_setting(settings, "gain")
        seed = whole_setting(settings, "rotation_seed", NO_ROTATION, 2**31 - 1)
        _require_parts(tensors, shared, k)
        return ScalarLevels(self.kind, **tensors, shared=shared, gain=gain, rotation_seed=seed)


def _require_parts(tensors: Mapping[str, Tensor], shared: bool, k: int) -> None:
    """Raise CodecFileError unless bits, centre, scale and levels belong together."""
    if set(tensors) != {"bits", "centre", "scale", "levels"}:
        raise CodecFileError(
            f"levels need bits, centre, scale and levels; the file has {sorted(tensors)}"
        )
    bits, scale = tensors["bits"], tensors["scale"]
    shapes = [tuple(tensors[name].shape) for name in ("bits", "centre", "scale")]
    if shapes != [(k,)] * 3:
        raise CodecFileError(f"levels of {k} components need {k} bits each; got shapes {shapes}")
    if bits.dtype != torch.int64 or int(bits.min()) < 0 or int(bits.max()) > MAX_WIDTH:
        raise CodecFileError(f"bits must be whole numbers in 0 … {MAX_WIDTH}; the file has others")
    size = int((2 ** (torch.unique(bits) if shared else bits)).sum())
    if tuple(tensors["levels"].shape) != (size,):
        raise CodecFileError(
            f"these bits need {size} levels; got shape {tuple(tensors['levels'].shape)}"
        )
    if not bool((scale > 0).all()):
        raise CodecFileError("the scales of levels must be above 0; the file has others")


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Levels of every number of bits, and what they cost each component.

    Parameters
    ----------
    kind : Quantization
    centre, scale : Tensor, shape (k,)
    costs : Tensor, shape (k, 9)
        Cost of each component with 0 … 8 bits.
    tables : tuple of Tensor
        Levels of 0 … 8 bits: (2^bits,) where `shared`, else (k, 2^bits).
    shared, gain : bool
    seed : int
        Of the rotation.
    """

    kind: Quantization
    centre: Tensor
    scale: Tensor
    costs: Tensor
    tables: tuple[Tensor, ...]
    shared: bool
    gain: bool
    seed: int

    @classmethod
    def of(
        cls,
        kind: Quantization,
        shape: Tensor,
        importance: Tensor,
        spec: QuantizerSpec,
        weights: Tensor,
    ) -> _Prepared:
        seed = spec.seed if spec.rotate else NO_ROTATION
        shape = rotated(shape, seed)
        if spec.rotate:
            weights = weights @ rotation(len(weights), seed).to(weights.device).square()
        centre, scale = _moments(shape, importance)
        costs = weights.double() * scale.double().square()
        companded = kind is Quantization.COMPANDED
        shared = spec.codebook == "gaussian"
        if shared:
            shares, tables = shared_tables(companded)
        else:
            samples = Samples((shape - centre) / scale, importance)
            shares, tables = own_tables(samples, companded)
        costs = costs[:, None] * shares.to(costs)
        return cls(kind, centre, scale, costs, tables, shared, spec.gain, seed)

    def __call__(self, budget_bits: int) -> Quantizer:
        total = budget_bits // 8 * 8 - (8 * NORM_BYTES if self.gain else 0)
        if total < 8:
            raise SpecError(
                f"levels need {24 if self.gain else 8} bits per vector; the budget is {budget_bits}"
            )
        bits = allot_bits(self.costs, total)
        levels = (shared_levels if self.shared else own_levels)(self.tables, bits)
        levels = levels.float().to(self.scale.device)
        return ScalarLevels(
            self.kind, bits, self.centre, self.scale, levels, self.shared, self.gain, self.seed
        )


def _moments(shape: Tensor, importance: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation (k,) of rows (n, k), the latter above 0."""
    share = importance.double()[:, None] / importance.double().sum().clamp_min(1e-300)
    centre = (share * shape).sum(0)
    scale = (share * (shape - centre).square()).sum(0).sqrt()
    return centre.float(), scale.clamp_min(_LEAST_SCALE).float()


LLOYD_MAX = ScalarLevelsKind(Quantization.LLOYD_MAX)
COMPANDED = ScalarLevelsKind(Quantization.COMPANDED)
