"""The codecs of all heads of one layer, applied to a cache's (batch, head, token, dim) at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.codec import Codec
from kvsplice_core.errors import SpecError
from kvsplice_core.transforms.base import Transform
from kvsplice_core.transforms.identity import Identity
from kvsplice_core.transforms.spline import Spline, join_splines


@dataclass(frozen=True, eq=False)
class HeadCodecs:
    """One codec for each head of a layer, or one that all heads share (pooled).

    Parameters
    ----------
    codecs : tuple of Codec
        As many as heads, or a single one; all of the same dimension d.
    heads : int
        KV heads of the layer.

    Raises
    ------
    SpecError
        If the number of codecs fits neither, or their dimensions differ.

    Notes
    -----
    The latent of a layer is one tensor whose axis −2 is the token and axis 0 the batch, as
    transformers' cache wants it: (batch, heads, tokens, k), or (batch, 1, tokens, Σk) where the
    heads keep different numbers.
    """

    codecs: tuple[Codec, ...]
    heads: int

    def __post_init__(self) -> None:
        if len(self.codecs) not in (1, self.heads):
            raise SpecError(
                f"a layer of {self.heads} heads needs {self.heads} codecs, or one for all; "
                f"got {len(self.codecs)}"
            )
        dims = sorted({codec.dim for codec in self.codecs})
        if len(dims) != 1:
            raise SpecError(f"the codecs of a layer must have one dimension; got {dims}")

    @property
    def dim(self) -> int:
        """Dimension d of one vector."""
        return self.codecs[0].dim

    @property
    def ks(self) -> tuple[int, ...]:
        """Numbers kept per vector, head by head."""
        return tuple(self.of(head).k for head in range(self.heads))

    @property
    def numbers_per_token(self) -> int:
        """Numbers kept per token of the layer."""
        return sum(self.ks)

    @property
    def is_linear(self) -> bool:
        """Whether decoding is affine in the latent (no transform), so that it can be folded."""
        return all(isinstance(codec.transform, Identity) for codec in self.codecs)

    @property
    def is_uniform(self) -> bool:
        """Whether every head keeps the same number."""
        return len(set(self.ks)) == 1

    def of(self, head: int) -> Codec:
        """Return the codec of one head."""
        return self.codecs[head if len(self.codecs) > 1 else 0]

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the codecs with `function` applied to their tensors."""
        return type(self)(tuple(codec.map(function) for codec in self.codecs), self.heads)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Compress (batch, heads, tokens, d); computed in fp32, returned in the dtype of `x`."""
        z = self._transformed(x.float(), inverse=False)
        if self.is_uniform:
            encoder, _, before, _ = self._stacked
            return ((z - before) @ encoder).to(x.dtype)
        latents = [self.of(h).projection.encode(z[:, h]) for h in range(self.heads)]
        return torch.cat(latents, dim=-1)[:, None].to(x.dtype)

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """Restore (batch, heads, tokens, d) of what `encode` gave."""
        if self.is_uniform:
            _, decoder, _, after = self._stacked
            z = latent.float() @ decoder + after
        else:
            parts = torch.split(latent[:, 0].float(), list(self.ks), dim=-1)
            each = zip(range(self.heads), parts, strict=True)
            z = torch.stack([self.of(h).projection.decode(part) for h, part in each], dim=1)
        return self._transformed(z, inverse=True).to(latent.dtype)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return what comes back of (batch, heads, tokens, d)."""
        return self.decode(self.encode(x))

    def numbers(self) -> int:
        """Numbers the codecs themselves hold (the side information)."""
        tensors = [
            tensor
            for codec in self.codecs
            for part in (codec.transform.tensors(), codec.projection.tensors())
            for tensor in part.values()
        ]
        return sum(tensor.numel() for tensor in tensors)

    @cached_property
    def _stacked(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encoder (h, d, k), decoder (h, k, d) and both offsets (h, 1, d); h is 1 when pooled."""
        projections = [codec.projection for codec in self.codecs]
        return (
            torch.stack([p.encoder for p in projections]),
            torch.stack([p.decoder for p in projections]),
            torch.stack([p.offset_in for p in projections])[:, None],
            torch.stack([p.offset_out for p in projections])[:, None],
        )

    def _transformed(self, x: Tensor, *, inverse: bool) -> Tensor:
        if self.is_linear:
            return x
        if len(self.codecs) == 1:
            return _apply(self.codecs[0].transform, x, inverse)
        if self._joined_spline is not None:
            batch, heads, tokens, dim = x.shape
            rows = x.transpose(1, 2).reshape(batch, tokens, heads * dim)
            z = _apply(self._joined_spline, rows, inverse)
            return z.view(batch, tokens, heads, dim).transpose(1, 2)
        parts = [_apply(self.of(h).transform, x[:, h], inverse) for h in range(self.heads)]
        return torch.stack(parts, dim=1)

    @cached_property
    def _joined_spline(self) -> Spline | None:
        """One spline over the dimensions of all heads, where every head has one of as many knots.

        A spline treats every dimension by itself, so heads can stand side by side.
        """
        return join_splines([codec.transform for codec in self.codecs])


def pooled(codec: Codec, heads: int) -> HeadCodecs:
    """Return one codec for all heads."""
    return HeadCodecs((codec,), heads)


def per_head(codecs: Sequence[Codec]) -> HeadCodecs:
    """Return one codec for each head."""
    return HeadCodecs(tuple(codecs), len(codecs))


def _apply(transform: Transform, x: Tensor, inverse: bool) -> Tensor:
    return transform.inverse(x) if inverse else transform.forward(x)
