"""A card: the compressor of a whole model, with its data and its proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.projection import Projection
from kvsplice_core.codec.provenance import Provenance


@dataclass(frozen=True)
class HeadScore:
    """How one codec of a card did on the test documents of its capture.

    Parameters
    ----------
    side : str
        ``v`` or ``k``.
    layer : int
    head : int or None
        None for a codec that all heads of the layer share.
    method, kept : str
        What was asked for, and what the validation part chose: the key of a method, or the words
        of a pipeline.
    k : int
        Numbers kept per vector.
    mse : float
        Test error of the codec kept; units of V squared.
    mse_pca : float or None
        The same of PCA at the same k; None where a pipeline was fitted to a budget of bits.
    change : Change or None
        Against PCA, with its 95 % interval; None for PCA itself.
    bits : float or None
        Bits per value with everything counted, where a pipeline was fitted.
    """

    side: str
    layer: int
    head: int | None
    method: str
    kept: str
    k: int
    mse: float
    mse_pca: float | None
    change: Change | None = None
    bits: float | None = None


@dataclass(frozen=True, eq=False)
class Card:
    """Codecs of V, of K, or of both, layer by layer.

    Parameters
    ----------
    model : ModelFacts
        The model it was made for.
    values, keys : mapping of int to HeadCodecs
        By layer; a layer that is missing stays dense.
    scores : tuple of HeadScore
        One for each codec.
    provenance : Provenance
        Where it comes from.
    proofs : tuple of mapping
        Evaluations of this card, as `EvalResult.summary` gives them; each names its text.
    keys_before_rotary : bool
        Whether the codecs of K are for K before its rotary embedding.
    """

    model: ModelFacts
    values: Mapping[int, HeadCodecs] = field(default_factory=dict)
    keys: Mapping[int, HeadCodecs] = field(default_factory=dict)
    scores: tuple[HeadScore, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    proofs: tuple[Mapping[str, object], ...] = ()
    keys_before_rotary: bool = False

    def __post_init__(self) -> None:
        facts = self.model
        if not self.values and not self.keys:
            raise SpecError("a card must compress V or K of at least one layer; got neither")
        for side, codecs in (*self.values.items(), *self.keys.items()):
            if not 0 <= side < facts.layers:
                raise SpecError(f"a layer must lie in 0 … {facts.layers - 1}; got {side}")
            if (codecs.heads, codecs.dim) != (facts.kv_heads, facts.head_dim):
                raise SpecError(
                    f"layer {side} must have codecs for {facts.kv_heads} heads of "
                    f"{facts.head_dim}; got {codecs.heads} of {codecs.dim}"
                )

    @property
    def title(self) -> str:
        """Short name for headings, for example ``Spline→PCA k = 16, V``."""
        if self.provenance.label:
            return self._pipeline_title
        method = self.provenance.method
        label = Method.of(method).label if method else "codecs"
        ks = sorted({k for codecs in self._all() for k in codecs.ks})
        kept = f"k = {ks[0]}" if len(ks) == 1 else f"k = {ks[0]} … {ks[-1]}"
        return f"{label} {kept}, {self._sides}{self._replaced(method)}"

    @property
    def _sides(self) -> str:
        return " and ".join(name for name, of in (("V", self.values), ("K", self.keys)) if of)

    @property
    def _pipeline_title(self) -> str:
        made = self.provenance
        each = ", ".join(f"{side.upper()} {mean:.3g} bits" for side, mean in made.bits.items())
        count = len(made.replaced)
        aside = f" (simpler in {count} of {self._count} codecs)" if count else ""
        return f"{made.label}, {each or self._sides}{aside}"

    def _replaced(self, method: str) -> str:
        """Say how many codecs are PCA in place of the method that was asked for."""
        codecs = [codec for layer in self._all() for codec in layer.codecs]
        count = sum(codec.method is Method.PCA for codec in codecs)
        if not count or method in ("", Method.PCA.key):
            return ""
        return f" (PCA kept in {count} of {len(codecs)} codecs)"

    @property
    def is_quantized(self) -> bool:
        """Whether a codec stores levels rather than numbers."""
        return any(codec.quantizer is not None for held in self._all() for codec in held.codecs)

    @property
    def _count(self) -> int:
        return sum(len(held.codecs) for held in self._all())

    def _all(self) -> tuple[HeadCodecs, ...]:
        return (*self.values.values(), *self.keys.values())

    def replace_codecs(self, change: Callable[[Codec], Codec]) -> Self:
        """Return the card with every codec changed, without its scores and proofs."""

        def changed(sides: Mapping[int, HeadCodecs]) -> dict[int, HeadCodecs]:
            return {
                layer: HeadCodecs(tuple(map(change, one.codecs)), one.heads, one.span)
                for layer, one in sides.items()
            }

        return replace(
            self, values=changed(self.values), keys=changed(self.keys), scores=(), proofs=()
        )

    def only(self, layer: int, head: int, side: str | None = None) -> Self:
        """Return the card that compresses one head alone, or the heads it is joined with.

        The other heads of the layer get a codec of full rank without a transform, so the error
        that remains is rounding in fp32.

        Parameters
        ----------
        layer, head : int
        side : str, optional
            ``v`` or ``k``, the other stays dense; both when omitted.

        Raises
        ------
        SpecError
            If the card compresses nothing there.
        """

        def alone(name: str, sides: Mapping[int, HeadCodecs]) -> dict[int, HeadCodecs]:
            if layer not in sides or side not in (None, name):
                return {}
            codecs = sides[layer]
            exact = exact_codec(codecs.dim * codecs.span)
            alone = tuple(
                codecs.of(group) if group == head // codecs.span else exact
                for group in range(codecs.groups)
            )
            return {layer: HeadCodecs(alone, codecs.heads, codecs.span)}

        values, keys = alone("v", self.values), alone("k", self.keys)
        return replace(self, values=values, keys=keys, scores=(), proofs=())


def exact_codec(dim: int) -> Codec:
    """Return the codec that keeps every number as it is."""
    eye, zero = torch.eye(dim), torch.zeros(dim)
    return linear_codec(Projection(eye, eye.clone(), zero, zero.clone()))


def full_rank(codec: Codec) -> Codec:
    """Return the codec with its basis completed to k = d; it must give back what it gets.

    The transform stays, so that its inverse is tested too; a quantizer and what a nonlinear
    decoder adds fall away, for neither is exact.
    """
    basis, _ = torch.linalg.qr(_completed(codec.projection.encoder.double()))
    return _with_basis(codec, basis)


def rank_one(codec: Codec) -> Codec:
    """Return the codec at k = 1: its first axis alone, the one of most variance for PCA."""
    whole = codec.projection
    first = Projection(
        whole.encoder[:, :1].contiguous(),
        whole.decoder[:1].contiguous(),
        whole.offset_in,
        whole.offset_out,
    )
    return replace(codec.plain(), projection=first)


def random_basis(codec: Codec, seed: int = 0) -> Codec:
    """Return the codec with random orthonormal axes in place of its own.

    A codec of full rank gets half the dimensions: any complete basis is exact.
    """
    k = codec.k if codec.k < codec.dim else max(1, codec.dim // 2)
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(codec.dim, k, generator=generator, dtype=torch.float64)
    basis, _ = torch.linalg.qr(normal)
    return _with_basis(codec, basis)


def _with_basis(codec: Codec, basis: Tensor) -> Codec:
    axes = basis.to(codec.projection.encoder)
    offset = codec.projection.offset_in
    projection = Projection(axes.contiguous(), axes.T.contiguous(), offset, offset)
    return replace(codec.plain(), projection=projection)


def _completed(encoder: Tensor) -> Tensor:
    """Append to (d, k) the axes orthogonal to it; shape (d, d)."""
    dim, k = encoder.shape
    if k == dim:
        return encoder.cpu()
    u, _, _ = torch.linalg.svd(encoder.cpu(), full_matrices=True)
    return torch.cat([encoder.cpu(), u[:, k:]], dim=1)
