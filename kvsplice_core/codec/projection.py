"""A linear bottleneck whose matrices take a byte per number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """Encode (…, d) to (…, k) and back, affinely.

    Parameters
    ----------
    encoder : Tensor, shape (d, k)
    decoder : Tensor, shape (k, d)
    offset_in, offset_out : Tensor, shape (d,)
        Taken off before encoding; added after decoding.
    """

    encoder: Tensor
    decoder: Tensor
    offset_in: Tensor
    offset_out: Tensor

    @property
    def k(self) -> int:
        """Bottleneck dimension."""
        return self.encoder.shape[1]

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.encoder.device

    def encode(self, z: Tensor) -> Tensor:
        """Map (…, d) to (…, k)."""
        return (z - self.offset_in) @ self.encoder

    def decode(self, latent: Tensor) -> Tensor:
        """Map (…, k) to (…, d)."""
        return latent @ self.decoder + self.offset_out

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the projection with `function` applied to its tensors."""
        return type(self)(*map(function, self.tensors().values()))

    def to(self, device: torch.device | str) -> Self:
        """Return the projection on another device."""
        return self.map(lambda tensor: tensor.to(device))

    def shared(self) -> Self:
        """Return the same numbers, those that stand twice only once in memory (as for PCA)."""
        transposed = torch.equal(self.encoder.mT, self.decoder)
        return type(self)(
            self.encoder,
            self.encoder.mT if transposed else self.decoder,
            self.offset_in,
            self.offset_in if torch.equal(self.offset_in, self.offset_out) else self.offset_out,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return its four tensors by name, in the order of the fields."""
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "offset_in": self.offset_in,
            "offset_out": self.offset_out,
        }


class Unprojected(Projection):
    """The bottleneck of k = d that leaves every number as it is; it holds none itself.

    Parameters
    ----------
    dim : int
        Dimension d.
    place : Tensor, optional
        Empty; its device is where the matrices are made when somebody asks for them.
    """

    def __init__(self, dim: int, place: Tensor | None = None) -> None:
        object.__setattr__(self, "_dim", dim)
        object.__setattr__(self, "_place", torch.empty(0) if place is None else place)

    _dim: int
    _place: Tensor

    def __getattr__(self, name: str) -> Tensor:
        if name in ("encoder", "decoder"):
            return torch.eye(self._dim, device=self._place.device)
        if name in ("offset_in", "offset_out"):
            return torch.zeros(self._dim, device=self._place.device)
        raise AttributeError(name)

    @property
    def k(self) -> int:
        """Bottleneck dimension d."""
        return self._dim

    @property
    def device(self) -> torch.device:
        """Where its tensors would live."""
        return self._place.device

    def encode(self, z: Tensor) -> Tensor:
        """Return `z`."""
        return z

    def decode(self, latent: Tensor) -> Tensor:
        """Return `latent`."""
        return latent

    def tensors(self) -> dict[str, Tensor]:
        """Return nothing: there is nothing to store."""
        return {}

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the projection with `function` applied to its tensors."""
        return type(self)(self._dim, function(self._place))

    def shared(self) -> Self:
        """Return itself."""
        return self


_MOST = 127
_LEAST_UNIT = 1e-30


@dataclass(frozen=True)
class _Rounded:
    """A matrix (k, d), each row in steps of its own unit."""

    steps: Tensor
    units: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> _Rounded:
        units = (rows.abs().amax(1) / _MOST).clamp_min(_LEAST_UNIT)
        return cls((rows / units[:, None]).round().to(torch.int8), units)

    @property
    def numbers(self) -> Tensor:
        return self.steps.float() * self.units[:, None]


class RoundedProjection(Projection):
    """A bottleneck whose matrices are held in a byte per number.

    Where few bits are kept of a vector, the bases weigh as much as many vectors do. What rounding
    takes from the encoder is made up for by encoding once more what the first latent misses: a
    step of iterative refinement, for bottlenecks that give back a decoded latent (D E ≈ I), as
    those of principal axes in any metric do.

    Parameters
    ----------
    encoder_steps, decoder_steps : Tensor, shape (k, d)
        int8; E^T and D, each component in steps of its own unit. One tensor for both where they
        are equal, as for PCA (see `shared`).
    encoder_units, decoder_units : Tensor, shape (k,)
    offset_in, offset_out : Tensor, shape (d,)
    """

    def __init__(
        self,
        encoder_steps: Tensor,
        encoder_units: Tensor,
        decoder_steps: Tensor,
        decoder_units: Tensor,
        offset_in: Tensor,
        offset_out: Tensor,
    ) -> None:
        held = {
            "_encoding": _Rounded(encoder_steps, encoder_units),
            "_decoding": _Rounded(decoder_steps, decoder_units),
            "offset_in": offset_in,
            "offset_out": offset_out,
        }
        for name, part in held.items():
            object.__setattr__(self, name, part)

    _encoding: _Rounded
    _decoding: _Rounded

    @classmethod
    def of(cls, plain: Projection) -> Self:
        """Round the matrices of a bottleneck."""
        encoding, decoding = _Rounded.of(plain.encoder.mT), _Rounded.of(plain.decoder)
        rounded = cls(
            encoding.steps.contiguous(),
            encoding.units,
            decoding.steps.contiguous(),
            decoding.units,
            plain.offset_in,
            plain.offset_out,
        )
        return rounded.shared()

    @staticmethod
    def shapes(dim: int, k: int) -> dict[str, tuple[int, ...]]:
        """Return the names of its tensors with their shapes."""
        return {
            "encoder_steps": (k, dim),
            "encoder_units": (k,),
            "decoder_steps": (k, dim),
            "decoder_units": (k,),
            "offset_in": (dim,),
            "offset_out": (dim,),
        }

    def __getattr__(self, name: str) -> Tensor:
        if name == "encoder":
            return self._encoding.numbers.mT
        if name == "decoder":
            return self._decoding.numbers
        raise AttributeError(name)

    @property
    def k(self) -> int:
        """Bottleneck dimension."""
        return len(self._decoding.units)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.offset_in.device

    def encode(self, z: Tensor) -> Tensor:
        """Map (…, d) to (…, k)."""
        encoder, deviation = self.encoder, z - self.offset_in
        latent = deviation @ encoder
        return latent + (deviation - latent @ self.decoder) @ encoder

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the projection with `function` applied to its tensors."""
        return type(self)(*map(function, self.tensors().values()))

    def shared(self) -> Self:
        """Return the same numbers, those that stand twice only once in memory (as for PCA)."""
        one, other = self._encoding, self._decoding
        if torch.equal(one.steps, other.steps) and torch.equal(one.units, other.units):
            other = one
        same = torch.equal(self.offset_in, self.offset_out)
        last = self.offset_in if same else self.offset_out
        return type(self)(one.steps, one.units, other.steps, other.units, self.offset_in, last)

    def tensors(self) -> dict[str, Tensor]:
        """Return its six tensors by name."""
        return {
            "encoder_steps": self._encoding.steps,
            "encoder_units": self._encoding.units,
            "decoder_steps": self._decoding.steps,
            "decoder_units": self._decoding.units,
            "offset_in": self.offset_in,
            "offset_out": self.offset_out,
        }
