"""The codecs of all heads of one layer, applied to a cache's (batch, head, token, dim) at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.codec import Codec
from kvsplice_core.errors import SpecError
from kvsplice_core.head_tables import HeadTables
from kvsplice_core.transforms.base import Transform
from kvsplice_core.transforms.identity import Identity


@dataclass(frozen=True, eq=False)
class HeadCodecs:
    """One codec for each head of a layer, or one that all heads share (pooled).

    Parameters
    ----------
    codecs : tuple of Codec
        As many as heads, or a single one; all of the same dimension d.
    heads : int
        KV heads of the layer.
    tables : HeadTables, optional
        The numbers of `codecs` side by side; built when first needed (see `packed`).

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
    tables: HeadTables | None = field(default=None, repr=False)

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

    @cached_property
    def ks(self) -> tuple[int, ...]:
        """Numbers kept per vector, head by head."""
        return tuple(self.of(head).k for head in range(self.heads))

    @property
    def numbers_per_token(self) -> int:
        """Numbers kept per token of the layer."""
        return sum(self.ks)

    @cached_property
    def is_linear(self) -> bool:
        """Whether decoding is affine in the latent (no transform), so that it can be folded."""
        return all(isinstance(codec.transform, Identity) for codec in self.codecs)

    @cached_property
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
            return self._tables.encode(z).to(x.dtype)
        latents = [self.of(h).projection.encode(z[:, h]) for h in range(self.heads)]
        return torch.cat(latents, dim=-1)[:, None].to(x.dtype)

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """Restore (batch, heads, tokens, d) of what `encode` gave."""
        if self._is_joined:
            return self._tables.restore(latent)
        if self.is_uniform:
            z = self._tables.decode(latent.float())
        else:
            parts = torch.split(latent[:, 0].float(), list(self.ks), dim=-1)
            each = zip(range(self.heads), parts, strict=True)
            z = torch.stack([self.of(h).projection.decode(part) for h, part in each], dim=1)
        return self._transformed(z, inverse=True).to(latent.dtype)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return what comes back of (batch, heads, tokens, d)."""
        return self.decode(self.encode(x))

    def packed(self, device: torch.device | str) -> Self:
        """Return the codecs on `device` with each number once in memory, ready for a cache."""
        moved = self.map(lambda tensor: tensor.to(device))
        if not self.is_uniform:
            return moved
        tables = HeadTables.of(moved.codecs)
        return type(self)(tables.views(moved.codecs), self.heads, tables)

    def numbers(self) -> int:
        """Return how many numbers the codecs themselves hold (the side information)."""
        return sum(tensor.numel() for tensor in self._tensors())

    def nbytes(self) -> int:
        """Return the bytes of the memory behind the codecs, counted once where they share it."""
        storages = [tensor.untyped_storage() for tensor in self._tensors()]
        return sum({held.data_ptr(): held.nbytes() for held in storages}.values())

    def _tensors(self) -> list[Tensor]:
        return [
            tensor
            for codec in self.codecs
            for part in (codec.transform.tensors(), codec.projection.tensors())
            for tensor in part.values()
        ]

    @cached_property
    def _tables(self) -> HeadTables:
        return HeadTables.of(self.codecs) if self.tables is None else self.tables

    def _transformed(self, x: Tensor, *, inverse: bool) -> Tensor:
        if self.is_linear:
            return x
        if len(self.codecs) == 1:
            return _apply(self.codecs[0].transform, x, inverse)
        if self._is_joined and not inverse:
            return self._tables.bend(x)
        parts = [_apply(self.of(h).transform, x[:, h], inverse) for h in range(self.heads)]
        return torch.stack(parts, dim=1)

    @cached_property
    def _is_joined(self) -> bool:
        """Whether every head has a spline of its own, and all of them stand in the tables."""
        return self.is_uniform and len(self.codecs) > 1 and self._tables.spline is not None


def _apply(transform: Transform, x: Tensor, inverse: bool) -> Tensor:
    return transform.inverse(x) if inverse else transform.forward(x)
