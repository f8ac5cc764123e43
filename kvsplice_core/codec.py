"""A codec: transform, then a bottleneck of k numbers, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kvsplice_core.errors import DataError
from kvsplice_core.methods import Method
from kvsplice_core.pca import Projection
from kvsplice_core.transforms.base import Transform


@dataclass(frozen=True)
class Codec:
    """``z = E(s(x))`` and ``x̂ = s⁻¹(D(z))``, immutable and ready to use.

    Parameters
    ----------
    method : Method
        Which transform it holds.
    transform : Transform
        The bijection s of R^d.
    projection : Projection
        The bottleneck E, D.
    info : mapping of str to str, float, int, bool or None
        Where it comes from: data hash, settings, versions; stored with it.

    Examples
    --------
    >>> latent = codec.encode(values)        # (…, d) → (…, k)  # doctest: +SKIP
    >>> restored = codec.decode(latent)      # (…, k) → (…, d)  # doctest: +SKIP
    """

    method: Method
    transform: Transform
    projection: Projection
    info: Mapping[str, object] = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return self.transform.dim

    @property
    def k(self) -> int:
        """Numbers kept per vector."""
        return self.projection.k

    @property
    def device(self) -> torch.device:
        """Where its tensors live."""
        return self.projection.encoder.device

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Compress vectors.

        Parameters
        ----------
        x : Tensor, shape (…, d)
            Any floating dtype, on the codec's device; computed in fp32.

        Returns
        -------
        Tensor, shape (…, k)
            In the dtype of `x`.

        Raises
        ------
        DataError
            If the last axis is not d, or `x` is not floating point.
        """
        _require_last_axis(x, self.dim, "vectors to encode")
        latent = self.projection.encode(self.transform.forward(x.float()))
        return latent.to(x.dtype)

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """Restore vectors.

        Parameters
        ----------
        latent : Tensor, shape (…, k)
            What `encode` gave.

        Returns
        -------
        Tensor, shape (…, d)
            In the dtype of `latent`.

        Raises
        ------
        DataError
            If the last axis is not k, or `latent` is not floating point.
        """
        _require_last_axis(latent, self.k, "latents to decode")
        restored = self.transform.inverse(self.projection.decode(latent.float()))
        return restored.to(latent.dtype)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return what comes back of vectors (…, d)."""
        return self.decode(self.encode(x))

    def map(self, function: Callable[[Tensor], Tensor]) -> Codec:
        """Return the codec with `function` applied to its tensors."""
        parts = self.transform.map(function), self.projection.map(function)
        return Codec(self.method, *parts, self.info)

    def to(self, device: torch.device | str) -> Codec:
        """Return the codec on another device."""
        return self.map(lambda tensor: tensor.to(device))


def _require_last_axis(x: Tensor, size: int, what: str) -> None:
    if not x.is_floating_point():
        raise DataError(f"{what} must be floating point; got {x.dtype}")
    if x.ndim == 0 or x.shape[-1] != size:
        raise DataError(f"{what} must have a last axis of {size}; got shape {tuple(x.shape)}")
