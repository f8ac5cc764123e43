"""A codec: transform, a bottleneck of k numbers, their bits, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError
from kvsplice_core.codec.decoders.base import Correction
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.projection import Bottleneck
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.quantizers.base import Quantizer
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.codec.transforms.identity import Identity


@dataclass(frozen=True)
class Codec:
    """``z = E(s(x))`` is kept and ``x̂ = s⁻¹(D(z) + c(z))`` comes back; immutable, ready to use.

    Parameters
    ----------
    transform : Transform
        The bijection s of R^d.
    projection : Bottleneck
        The bottleneck E, D.
    provenance : Provenance
        Where it comes from; stored with it.
    correction : Correction, optional
        What a nonlinear decoder adds, c; none for a linear one.
    quantizer : Quantizer, optional
        How z is stored as bytes; as numbers of the vectors' own dtype when omitted.

    Examples
    --------
    >>> latent = codec.encode(values)        # (…, d) → (…, k)  # doctest: +SKIP
    >>> restored = codec.decode(latent)      # (…, k) → (…, d)  # doctest: +SKIP
    """

    transform: Transform
    projection: Bottleneck
    provenance: Provenance = field(default_factory=Provenance)
    correction: Correction | None = None
    quantizer: Quantizer | None = None

    @property
    def method(self) -> Method:
        """Which transform it holds."""
        return self.transform.kind

    @property
    def decoding(self) -> Decoding:
        """Which decoder it holds."""
        return Decoding.LINEAR if self.correction is None else self.correction.kind

    @property
    def quantization(self) -> Quantization | None:
        """Which quantizer it holds, if any."""
        return None if self.quantizer is None else self.quantizer.kind

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return self.transform.dim

    @property
    def k(self) -> int:
        """Numbers kept per vector."""
        return self.projection.k

    @property
    def stored_size(self) -> int:
        """Length of what `encode` gives for one vector: k numbers, or bytes."""
        return self.k if self.quantizer is None else self.quantizer.bytes_per_vector

    def stored_bytes(self, number_bytes: int) -> int:
        """Return the bytes kept of one vector; a number that is kept takes so many."""
        return self.k * number_bytes if self.quantizer is None else self.stored_size

    @property
    def is_plain(self) -> bool:
        """Whether it keeps numbers and decodes them linearly in the transformed space."""
        return self.correction is None and self.quantizer is None

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.projection.device

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Compress vectors.

        Parameters
        ----------
        x : Tensor, shape (…, d)
            Any floating dtype, on the codec's device; computed in fp32.

        Returns
        -------
        Tensor, shape (…, stored_size)
            k numbers in the dtype of `x`; with a quantizer its bytes, uint8.

        Raises
        ------
        DataError
            If the last axis is not d, or `x` is not floating point.
        """
        _require_vectors(x, self.dim, "vectors to encode")
        latent = self.latent(x)
        return latent.to(x.dtype) if self.quantizer is None else self.quantizer.pack(latent)

    @torch.no_grad()
    def decode(self, stored: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Restore vectors.

        Parameters
        ----------
        stored : Tensor, shape (…, stored_size)
            What `encode` gave.
        dtype : torch.dtype, optional
            Of the result; that of `stored` when omitted, float32 for bytes.

        Returns
        -------
        Tensor, shape (…, d)

        Raises
        ------
        DataError
            If the last axis or the dtype is not what `encode` gives.
        """
        if self.quantizer is None:
            _require_vectors(stored, self.k, "latents to decode")
            return self.restore(stored.float()).to(dtype or stored.dtype)
        return self.restore(self.quantizer.unpack(stored)).to(dtype or torch.float32)

    @torch.no_grad()
    def latent(self, x: Tensor) -> Tensor:
        """Return the k numbers behind the bytes of vectors (…, d); fp32."""
        return self.projection.encode(self.transform.forward(x.float()))

    @torch.no_grad()
    def restore(self, latent: Tensor) -> Tensor:
        """Return the vectors (…, d) of k numbers (…, k); fp32."""
        z = self.projection.decode(latent)
        if self.correction is not None:
            z = z + self.correction.apply(latent)
        return self.transform.inverse(z)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return what comes back of vectors (…, d), in their dtype."""
        return self.decode(self.encode(x), x.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything it holds by name: what a file stores."""
        parts: dict[str, Mapping[str, Tensor]] = {
            "transform": self.transform.tensors(),
            "projection": self.projection.tensors(),
        }
        if self.correction is not None:
            parts["correction"] = self.correction.tensors()
        if self.quantizer is not None:
            parts["quantizer"] = self.quantizer.tensors()
        return {f"{part}.{name}": t for part, held in parts.items() for name, t in held.items()}

    def held(self) -> tuple[Tensor, ...]:
        """Return everything it keeps in memory: `tensors`, and what its decoder derives of them."""
        derived = () if self.correction is None else self.correction.derived()
        return (*self.tensors().values(), *derived)

    def map(self, function: Callable[[Tensor], Tensor]) -> Codec:
        """Return the codec with `function` applied to its tensors."""
        return replace(
            self,
            transform=self.transform.map(function),
            projection=self.projection.map(function),
            correction=None if self.correction is None else self.correction.map(function),
            quantizer=None if self.quantizer is None else self.quantizer.map(function),
        )

    def plain(self) -> Codec:
        """Return the codec without quantizer and correction."""
        return Codec(self.transform, self.projection, self.provenance)

    def to(self, device: torch.device | str) -> Codec:
        """Return the codec on another device."""
        return self.map(lambda tensor: tensor.to(device))


def linear_codec(projection: Bottleneck, provenance: Provenance | None = None) -> Codec:
    """Return a bottleneck as a codec without a transform: plain PCA where its axes are those."""
    return Codec(Identity(len(projection.offset_in)), projection, provenance or Provenance())


def _require_vectors(x: Tensor, size: int, what: str) -> None:
    if not x.is_floating_point():
        raise DataError(f"{what} must be floating point; got {x.dtype}")
    if x.ndim == 0 or x.shape[-1] != size:
        raise DataError(f"{what} must have a last axis of {size}; got shape {tuple(x.shape)}")
