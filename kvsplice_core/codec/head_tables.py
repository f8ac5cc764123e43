"""The codecs of a layer's heads as tables side by side: every head in one product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.projection import Projection
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.codec.transforms.spline import Spline, join_splines

# Numbers restored at a time: more is a little faster, fewer keep the peak of memory low.
_NUMBERS_AT_ONCE = 98_304


@dataclass(frozen=True, eq=False)
class HeadTables:
    """The numbers of codecs that keep one k; h is their number, 1 when all heads share one.

    Parameters
    ----------
    encoder : Tensor, shape (h, d, k)
    decoder : Tensor, shape (h, k, d)
        A view of `encoder` where it is the transpose, as for PCA.
    offset_in, offset_out : Tensor, shape (h, 1, d)
        One and the same where they are equal.
    spline : Spline or None
        One spline over the h · d dimensions, where every head has one of as many knots: a spline
        treats every dimension by itself, so heads can stand side by side.
    """

    encoder: Tensor
    decoder: Tensor
    offset_in: Tensor
    offset_out: Tensor
    spline: Spline | None

    @classmethod
    def of(cls, codecs: Sequence[Codec]) -> Self:
        """Return the tables of codecs of one d and k."""
        projections = [codec.projection for codec in codecs]
        encoder = torch.stack([p.encoder for p in projections])
        decoder = torch.stack([p.decoder for p in projections])
        before = torch.stack([p.offset_in for p in projections])[:, None]
        after = torch.stack([p.offset_out for p in projections])[:, None]
        return cls(
            encoder,
            encoder.mT if torch.equal(encoder.mT, decoder) else decoder,
            before,
            before if torch.equal(before, after) else after,
            join_splines([codec.transform for codec in codecs]),
        )

    def views(self, codecs: Sequence[Codec]) -> tuple[Codec, ...]:
        """Return the codecs these tables were made of, with views of them as their tensors."""
        parts = zip(self.encoder, self.decoder, self.offset_in, self.offset_out, strict=True)
        return tuple(
            replace(
                codec,
                transform=self._transform(i, codec.transform),
                projection=Projection(encoder, decoder, before[0], after[0]),
            )
            for i, (codec, (encoder, decoder, before, after)) in enumerate(
                zip(codecs, parts, strict=True)
            )
        )

    def _transform(self, place: int, own: Transform) -> Transform:
        if self.spline is None:
            return own
        columns = slice(place * own.dim, (place + 1) * own.dim)
        return self.spline.map(lambda table: table[:, columns])

    def encode(self, z: Tensor) -> Tensor:
        """Map transformed vectors (batch, heads, tokens, d) to latents (…, k)."""
        return (z - self.offset_in) @ self.encoder

    def decode(self, latent: Tensor) -> Tensor:
        """Map latents (batch, heads, tokens, k) back to transformed vectors (…, d)."""
        batch, heads, tokens, k = latent.shape
        dim = self.decoder.shape[-1]
        if len(self.decoder) == 1:
            flat = torch.addmm(self.offset_out[0], latent.reshape(-1, k), self.decoder[0])
            return flat.view(batch, heads, tokens, dim)
        # One fused product and sum; `@` with a broadcast takes two passes over what it restores.
        decoder, offset = self.decoder, self.offset_out
        if batch > 1:
            decoder, offset = decoder.repeat(batch, 1, 1), offset.repeat(batch, 1, 1)
        flat = torch.baddbmm(offset, latent.reshape(batch * heads, tokens, k), decoder)
        return flat.view(batch, heads, tokens, dim)

    def bend(self, x: Tensor) -> Tensor:
        """Apply the spline to (batch, heads, tokens, d)."""
        assert self.spline is not None
        batch, heads, tokens, dim = x.shape
        rows = x.transpose(1, 2).reshape(batch * tokens, heads * dim)
        return self.spline.forward(rows).view(batch, tokens, heads, dim).transpose(1, 2)

    def restore(self, latent: Tensor) -> Tensor:
        """Decode and apply the inverse spline, a few tokens at a time, in the dtype of `latent`.

        So what is between latent and V̂ never exists for all tokens at once.
        """
        assert self.spline is not None
        batch, heads, tokens, _ = latent.shape
        dim = self.decoder.shape[-1]
        restored = latent.new_empty(batch, tokens, heads, dim)
        at_once = max(1, _NUMBERS_AT_ONCE // (batch * heads * dim))
        for start in range(0, tokens, at_once):
            part = slice(start, start + at_once)
            z = self.decode(latent[:, :, part].float())
            rows = z.transpose(1, 2).reshape(-1, heads * dim)
            restored[:, part] = self.spline.inverse(rows).view(batch, -1, heads, dim)
        return restored.transpose(1, 2)
