"""The codecs of all heads of one layer, applied to a cache's (batch, head, token, dim) at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.head_tables import HeadTables
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.codec.transforms.identity import Identity


@dataclass(frozen=True, eq=False)
class HeadCodecs:
    """Codecs for the heads of a layer: one each, one that all share (pooled), or heads joined.

    Parameters
    ----------
    codecs : tuple of Codec
        As many as groups of `span` heads, or a single one; all of the same dimension.
    heads : int
        KV heads of the layer.
    span : int
        Heads joined into one vector, each codec's dimension being span · head_dim: 1 where every
        head is coded by itself; `heads` where those of a layer are joined.
    tables : HeadTables, optional
        The numbers of `codecs` side by side; built when first needed (see `packed`).

    Raises
    ------
    SpecError
        If the number of codecs fits neither, or their dimensions differ.

    Notes
    -----
    What is kept of a layer is one tensor whose axis −2 is the token and axis 0 the batch, as
    transformers' cache wants it: (batch, groups, tokens, k) where every group keeps the same
    number or all share one codec, and else (batch, 1, tokens, Σ) with the groups side by side:
    k numbers of each, or bytes (uint8) where they are quantized.
    """

    codecs: tuple[Codec, ...]
    heads: int
    span: int = 1
    tables: HeadTables | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.span < 1 or self.heads % self.span:
            raise SpecError(f"{self.heads} heads cannot be joined by {self.span}")
        if len(self.codecs) not in (1, self.groups):
            raise SpecError(
                f"a layer of {self.heads} heads needs {self.groups} codecs, or one for all; "
                f"got {len(self.codecs)}"
            )
        dims = sorted({codec.dim for codec in self.codecs})
        if len(dims) != 1:
            raise SpecError(f"the codecs of a layer must have one dimension; got {dims}")
        if dims[0] % self.span:
            raise SpecError(f"{dims[0]} dimensions cannot be those of {self.span} heads")

    @property
    def groups(self) -> int:
        """Vectors coded per token: the heads, or fewer where they are joined."""
        return self.heads // self.span

    @property
    def dim(self) -> int:
        """Dimension of one head's vector (head_dim)."""
        return self.codecs[0].dim // self.span

    @cached_property
    def ks(self) -> tuple[int, ...]:
        """Numbers kept per coded vector, group by group."""
        return tuple(self.of(group).k for group in range(self.groups))

    def bytes_per_token(self, number_bytes: int) -> int:
        """Return the bytes kept per token of the layer; a number that is kept takes so many."""
        return sum(self.of(group).stored_bytes(number_bytes) for group in range(self.groups))

    @cached_property
    def is_plain(self) -> bool:
        """Whether every codec keeps numbers and decodes them linearly (see `Codec.is_plain`)."""
        return all(codec.is_plain for codec in self.codecs)

    @cached_property
    def is_linear(self) -> bool:
        """Whether decoding is affine in the latent, head by head, so that it can be folded."""
        straight = all(isinstance(codec.transform, Identity) for codec in self.codecs)
        return straight and self.is_plain and self.span == 1

    @cached_property
    def is_uniform(self) -> bool:
        """Whether every group keeps the same number, and all in one table."""
        return self.is_plain and len(set(self.ks)) == 1

    def of(self, group: int) -> Codec:
        """Return the codec of one group of heads; of one head where none are joined."""
        return self.codecs[group if len(self.codecs) > 1 else 0]

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return the codecs with `function` applied to their tensors."""
        return type(self)(tuple(c.map(function) for c in self.codecs), self.heads, self.span)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Compress (batch, heads, tokens, d); computed in fp32.

        Numbers come in the dtype of `x`, bytes as uint8.
        """
        x = self._joined(x)
        if not self.is_uniform:
            if len(self.codecs) == 1:
                return self.codecs[0].encode(x)
            kept = [self.of(g).encode(x[:, g]) for g in range(self.groups)]
            if self._keeps_bytes:
                kept = [part.contiguous().view(torch.uint8) for part in kept]
            return torch.cat(kept, dim=-1)[:, None]
        return self._tables.encode(self._transformed(x.float(), inverse=False)).to(x.dtype)

    @torch.no_grad()
    def decode(self, stored: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Restore (batch, heads, tokens, d) of what `encode` gave.

        The result has `dtype`; that of `stored` when omitted, float32 for bytes. Numbers that are
        kept beside bytes must have been encoded in the same dtype.

        Raises
        ------
        DataError
            If the last axis is not what `encode` gives.
        """
        if dtype is None:
            dtype = stored.dtype if stored.is_floating_point() else torch.float32
        if not self.is_uniform:
            if len(self.codecs) == 1:
                return self._split(self.codecs[0].decode(stored, dtype))
            return self._split(self._decode_each(stored[:, 0], dtype))
        if self._is_side_by_side:
            return self._split(self._tables.restore(stored).to(dtype))
        z = self._tables.decode(stored.float())
        return self._split(self._transformed(z, inverse=True).to(dtype))

    def _decode_each(self, stored: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (batch, groups, tokens, span · d) of what the groups keep side by side."""
        codecs = [self.of(group) for group in range(self.groups)]
        number_bytes = dtype.itemsize if self._keeps_bytes else 1
        sizes = [codec.stored_bytes(number_bytes) for codec in codecs]
        if stored.shape[-1] != sum(sizes):
            raise DataError(
                f"a layer's latents to decode must have a last axis of {sum(sizes)}; "
                f"got {stored.dtype} of shape {tuple(stored.shape)}"
            )
        restored = []
        for codec, part in zip(codecs, torch.split(stored, sizes, dim=-1), strict=True):
            if self._keeps_bytes and codec.quantizer is None:
                # a contiguous view may still start at an odd byte
                aligned = part.clone(memory_format=torch.contiguous_format)
                part = aligned.view(dtype)  # noqa: PLW2901
            restored.append(codec.decode(part, dtype))
        return torch.stack(restored, dim=1)

    @cached_property
    def _keeps_bytes(self) -> bool:
        """Whether a codec is quantized; numbers beside it are kept as their bytes."""
        return any(codec.quantizer is not None for codec in self.codecs)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return what comes back of (batch, heads, tokens, d)."""
        return self.decode(self.encode(x), x.dtype)

    def _joined(self, x: Tensor) -> Tensor:
        """Return (batch, groups, tokens, span · d) of (batch, heads, tokens, d)."""
        if self.span == 1:
            return x
        batch, _, tokens, dim = x.shape
        grouped = x.reshape(batch, self.groups, self.span, tokens, dim).transpose(2, 3)
        return grouped.reshape(batch, self.groups, tokens, self.span * dim)

    def _split(self, x: Tensor) -> Tensor:
        """Undo `_joined`."""
        if self.span == 1:
            return x
        batch, groups, tokens, _ = x.shape
        grouped = x.reshape(batch, groups, tokens, self.span, self.dim).transpose(2, 3)
        return grouped.reshape(batch, self.heads, tokens, self.dim)

    def packed(self, device: torch.device | str) -> Self:
        """Return the codecs on `device` with each number once in memory, ready for a cache."""
        moved = self.map(lambda tensor: tensor.to(device))
        if not self.is_uniform:
            once = (replace(c, projection=c.projection.shared()) for c in moved.codecs)
            return type(self)(tuple(once), self.heads, self.span)
        tables = HeadTables.of(moved.codecs)
        return type(self)(tables.views(moved.codecs), self.heads, self.span, tables)

    def nbytes(self) -> int:
        """Return the bytes of the memory behind the codecs, counted once where they share it."""
        storages = [tensor.untyped_storage() for tensor in self._tensors()]
        return sum({held.data_ptr(): held.nbytes() for held in storages}.values())

    def _tensors(self) -> list[Tensor]:
        return [tensor for codec in self.codecs for tensor in codec.held()]

    @cached_property
    def _tables(self) -> HeadTables:
        return HeadTables.of(self.codecs) if self.tables is None else self.tables

    def _transformed(self, x: Tensor, *, inverse: bool) -> Tensor:
        if all(isinstance(codec.transform, Identity) for codec in self.codecs):
            return x
        if len(self.codecs) == 1:
            return _apply(self.codecs[0].transform, x, inverse)
        if self._is_side_by_side and not inverse:
            return self._tables.bend(x)
        parts = [_apply(self.of(g).transform, x[:, g], inverse) for g in range(self.groups)]
        return torch.stack(parts, dim=1)

    @cached_property
    def _is_side_by_side(self) -> bool:
        """Whether every group has a spline of its own, and all of them stand in the tables."""
        return self.is_uniform and len(self.codecs) > 1 and self._tables.spline is not None


def _apply(transform: Transform, x: Tensor, inverse: bool) -> Tensor:
    return transform.inverse(x) if inverse else transform.forward(x)
