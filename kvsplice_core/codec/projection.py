"""The bottleneck of a codec: an affine map to k numbers and back, held in three ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import CodecFileError

_CPU = torch.device("cpu")


class Bottleneck(Protocol):
    """Encodes (…, d) to (…, k) and back, affinely; immutable."""

    @property
    def encoder(self) -> Tensor:
        """The matrix (d, k)."""
        ...

    @property
    def decoder(self) -> Tensor:
        """The matrix (k, d)."""
        ...

    @property
    def offset_in(self) -> Tensor:
        """What is taken off before encoding (d,)."""
        ...

    @property
    def offset_out(self) -> Tensor:
        """What is added after decoding (d,)."""
        ...

    @property
    def k(self) -> int:
        """Bottleneck dimension."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        ...

    def encode(self, z: Tensor) -> Tensor:
        """Map (…, d) to (…, k)."""
        ...

    def decode(self, latent: Tensor) -> Tensor:
        """Map (…, k) to (…, d)."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return what it holds by name: what a file stores."""
        ...

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the same bottleneck with `function` applied to its tensors (detach, move)."""
        ...

    def shared(self) -> Self:
        """Return the same numbers, those that stand twice only once in memory (as for PCA)."""
        ...


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


@dataclass(frozen=True)
class Unprojected:
    """The bottleneck of k = d that leaves every number as it is; it holds none itself.

    Parameters
    ----------
    k : int
        Dimension d.
    device : torch.device
        Where the matrices are made when somebody asks for them.
    """

    k: int
    device: torch.device = _CPU

    @property
    def encoder(self) -> Tensor:
        """The identity (d, d)."""
        return torch.eye(self.k, device=self.device)

    @property
    def decoder(self) -> Tensor:
        """The identity (d, d)."""
        return self.encoder

    @property
    def offset_in(self) -> Tensor:
        """Zeros (d,)."""
        return torch.zeros(self.k, device=self.device)

    @property
    def offset_out(self) -> Tensor:
        """Zeros (d,)."""
        return self.offset_in

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
        """Return the bottleneck on the device that `function` moves to."""
        return replace(self, device=function(torch.empty(0, device=self.device)).device)

    def shared(self) -> Self:
        """Return itself."""
        return self


_MOST = 127
_LEAST_UNIT = 1e-30


@dataclass(frozen=True)
class RoundedProjection:
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

    encoder_steps: Tensor
    encoder_units: Tensor
    decoder_steps: Tensor
    decoder_units: Tensor
    offset_in: Tensor
    offset_out: Tensor

    @classmethod
    def of(cls, plain: Projection) -> Self:
        """Round the matrices of a bottleneck."""
        encoding, decoding = _rounded(plain.encoder.mT), _rounded(plain.decoder)
        return cls(*encoding, *decoding, plain.offset_in, plain.offset_out).shared()

    @property
    def encoder(self) -> Tensor:
        """The matrix (d, k)."""
        return (self.encoder_steps.float() * self.encoder_units[:, None]).mT

    @property
    def decoder(self) -> Tensor:
        """The matrix (k, d)."""
        return self.decoder_steps.float() * self.decoder_units[:, None]

    @property
    def k(self) -> int:
        """Bottleneck dimension."""
        return len(self.decoder_units)

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.offset_in.device

    def encode(self, z: Tensor) -> Tensor:
        """Map (…, d) to (…, k)."""
        encoder, deviation = self.encoder, z - self.offset_in
        latent = deviation @ encoder
        return latent + (deviation - latent @ self.decoder) @ encoder

    def decode(self, latent: Tensor) -> Tensor:
        """Map (…, k) to (…, d)."""
        return latent @ self.decoder + self.offset_out

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the bottleneck with `function` applied to its tensors."""
        return type(self)(*map(function, self.tensors().values()))

    def shared(self) -> Self:
        """Return the same numbers, those that stand twice only once in memory (as for PCA)."""
        one = self.encoder_steps, self.encoder_units
        other = self.decoder_steps, self.decoder_units
        if all(map(torch.equal, one, other)):
            other = one
        same = torch.equal(self.offset_in, self.offset_out)
        last = self.offset_in if same else self.offset_out
        return type(self)(*one, *other, self.offset_in, last)

    def tensors(self) -> dict[str, Tensor]:
        """Return its six tensors by name, in the order of the fields."""
        return {
            "encoder_steps": self.encoder_steps,
            "encoder_units": self.encoder_units,
            "decoder_steps": self.decoder_steps,
            "decoder_units": self.decoder_units,
            "offset_in": self.offset_in,
            "offset_out": self.offset_out,
        }


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix (k, d) as whole steps (int8), each row in its own unit, and units (k,)."""
    units = (rows.abs().amax(1) / _MOST).clamp_min(_LEAST_UNIT)
    return (rows / units[:, None]).round().to(torch.int8).contiguous(), units


def restore_bottleneck(tensors: Mapping[str, Tensor], dim: int, k: int, where: str) -> Bottleneck:
    """Rebuild a bottleneck from its tensors.

    Raises
    ------
    CodecFileError
        If they do not fit; `where` is what the sentence calls the file.
    """
    if not tensors and k == dim:
        return Unprojected(dim)
    if "encoder_steps" in tensors:
        each = {"steps": (k, dim), "units": (k,)}
        expected = {
            f"{way}_{n}": size for way in ("encoder", "decoder") for n, size in each.items()
        }
        expected |= {"offset_in": (dim,), "offset_out": (dim,)}
        in_bytes = {name for name in expected if name.endswith("_steps")}
        _require_tensors(tensors, expected, in_bytes, f"{where} must hold a rounded projection")
        return RoundedProjection(**tensors).shared()
    expected = {"encoder": (dim, k), "decoder": (k, dim), "offset_in": (dim,), "offset_out": (dim,)}
    _require_tensors(tensors, expected, set(), f"{where} must hold a projection")
    return Projection(**tensors)


def _require_tensors(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    in_bytes: set[str],
    required: str,
) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    kinds = all(
        t.dtype is torch.int8 if name in in_bytes else t.is_floating_point()
        for name, t in tensors.items()
    )
    if found != expected or not kinds:
        steps = ", its steps in int8" if in_bytes else ""
        raise CodecFileError(f"{required} of shapes {dict(expected)}{steps}; got {found}")
