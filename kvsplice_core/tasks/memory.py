"""Which cache to weigh."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, Method
from kvsplice_core.codec.transforms.spec import TransformSpec
from kvsplice_core.data.model_shape import ModelShape


@dataclass(frozen=True)
class MemorySpec:
    """A cache to weigh: K stays dense, V is kept as k numbers a vector.

    Parameters
    ----------
    shape : ModelShape
        The model.
    tokens, batch : int
        Sequence length and sequences at once; ≥ 1.
    k : int or None
        Numbers kept of each V; None for an uncompressed cache.
    kept_tokens : int or None
        Tokens whose V is kept at all (pruning first, compression second); None for all.
    element_bytes, latent_bytes : int
        Bytes of a number of K and dense V, and of a number of the k kept.
    knots : int
        Knots per dimension of a spline, for the side information.
    method : Method
        Which codec, for the side information.
    per_head_codecs : bool
        One codec for each layer and head, or one for each layer.
    curve, axes, coupling
        Of the codec's transform, for the side information; see `CalibrationSpec`.

    Raises
    ------
    SpecError
        If a number is out of range.
    """

    shape: ModelShape
    tokens: int
    batch: int = 1
    k: int | None = None
    kept_tokens: int | None = None
    element_bytes: int = 2
    latent_bytes: int = 2
    knots: int = 16
    method: Method = Method.PCA
    per_head_codecs: bool = True
    curve: Curve = Curve.LINEAR
    axes: Axes = Axes.RAW
    coupling: CouplingKind = CouplingKind.AFFINE

    def __post_init__(self) -> None:
        for name in ("tokens", "batch", "element_bytes", "latent_bytes", "knots"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.k is not None and not 1 <= self.k <= self.shape.head_dim:
            raise SpecError(
                f"k must lie between 1 and head_dim {self.shape.head_dim}; got {self.k}"
            )
        if self.kept_tokens is not None and self.kept_tokens < 1:
            raise SpecError(f"kept tokens must be at least 1; got {self.kept_tokens}")

    @property
    def transform(self) -> TransformSpec:
        """What the codec's transform is made of."""
        return TransformSpec(
            axes=self.axes, knots=self.knots, curve=self.curve, coupling=self.coupling
        )

    @property
    def vectors_per_token(self) -> int:
        """Value vectors of one token: layers × kv_heads × batch."""
        return self.shape.layers * self.shape.kv_heads * self.batch

    @property
    def value_tokens(self) -> int:
        """Tokens whose V is kept."""
        return self.tokens if self.kept_tokens is None else min(self.kept_tokens, self.tokens)

    @property
    def key_bytes_per_token(self) -> int:
        """Bytes of one token's K; of its dense V too."""
        return self.vectors_per_token * self.shape.head_dim * self.element_bytes

    @property
    def value_bytes_per_token(self) -> int:
        """Bytes of one token's V as it is kept."""
        if self.k is None:
            return self.key_bytes_per_token
        return self.vectors_per_token * self.k * self.latent_bytes
