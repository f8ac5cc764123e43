"""Bytes of a cache in closed form, with everything counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.codec.kinds import Axes, Method
from kvsplice_core.codec.transforms.spec import TransformSpec
from kvsplice_core.data.model_shape import ModelShape, load_model_shape
from kvsplice_core.tasks.memory import MemorySpec

_FP32 = 4


@dataclass(frozen=True)
class CacheBytes:
    """What a cache weighs, in bytes.

    Parameters
    ----------
    keys, values : int
        K, dense; V as it is kept.
    side : int
        Codecs, once per model; fp32.
    dense_total : int
        K and V uncompressed.
    break_even_tokens : int or None
        Fewest tokens at which the whole, side information counted, is no more than dense; None
        if it never is.
    """

    keys: int
    values: int
    side: int
    dense_total: int
    break_even_tokens: int | None

    @property
    def total(self) -> int:
        """Everything: K, V and the codecs."""
        return self.keys + self.values + self.side

    @property
    def value_ratio(self) -> float:
        """Dense V over V as it is kept, side information left out."""
        return self.dense_total / 2 / self.values

    @property
    def total_ratio(self) -> float:
        """The dense cache over everything; below 1 where compression costs more than it saves."""
        return self.dense_total / self.total


def cache_bytes(
    model: str | Path | ModelShape,
    *,
    tokens: int,
    k: int | None = None,
    batch: int = 1,
    kept_tokens: int | None = None,
    element_bytes: int = 2,
    latent_bytes: int = 2,
    method: Method = Method.PCA,
    knots: int = 16,
    per_head_codecs: bool = True,
) -> CacheBytes:
    """Weigh a KV cache whose K stays dense and whose V is kept as k numbers a vector.

    Parameters
    ----------
    model : str, Path or ModelShape
        A preset such as ``gpt2``, a ``config.json``, or a shape.
    tokens, batch : int
        Sequence length and sequences at once; ≥ 1.
    k : int, optional
        Numbers kept of each V, 1 … head_dim; without it the cache is not compressed.
    kept_tokens : int, optional
        Tokens whose V is kept: pruning comes first, compression second. All when omitted.
    element_bytes, latent_bytes : int
        Bytes of a number of K and dense V, and of one of the k; 2 is fp16 or bf16.
    method : Method
        Whose codecs are counted as side information, once per model and in fp32.
    knots : int
        Knots per dimension of a spline.
    per_head_codecs : bool
        One codec for each layer and head, or one for each layer.

    Returns
    -------
    CacheBytes
        Parts, totals, ratios and the break-even length.

    Raises
    ------
    ModelShapeError
        If the model is unknown or its file does not tell its shape.
    SpecError
        If a number is out of range.

    Notes
    -----
    These are stored bytes. A cache that hands a restored V to attention needs the dense V of one
    layer for a moment as well.

    Examples
    --------
    >>> cache_bytes("gpt2", tokens=1024).total == 36 * 2**20
    True
    >>> cache_bytes("gpt2", tokens=1024, k=16).value_ratio
    4.0
    """
    shape = model if isinstance(model, ModelShape) else load_model_shape(model)
    return weigh(
        MemorySpec(
            shape,
            tokens,
            batch=batch,
            k=k,
            kept_tokens=kept_tokens,
            element_bytes=element_bytes,
            latent_bytes=latent_bytes,
            knots=knots,
            method=method,
            per_head_codecs=per_head_codecs,
        )
    )


def weigh(spec: MemorySpec) -> CacheBytes:
    """Weigh the cache of `spec`."""
    return CacheBytes(
        keys=spec.tokens * spec.key_bytes_per_token,
        values=spec.value_tokens * spec.value_bytes_per_token,
        side=side_information_bytes(spec),
        dense_total=2 * spec.tokens * spec.key_bytes_per_token,
        break_even_tokens=_break_even(spec),
    )


def bytes_curve(spec: MemorySpec, tokens: NDArray[Any]) -> NDArray[np.float64]:
    """Return the total bytes at each number of tokens; shape as `tokens`."""
    lengths = np.asarray(tokens, dtype=np.float64)
    kept = lengths if spec.kept_tokens is None else np.minimum(lengths, spec.kept_tokens)
    stored = lengths * spec.key_bytes_per_token + kept * spec.value_bytes_per_token
    return stored + side_information_bytes(spec)


def side_information_bytes(spec: MemorySpec) -> int:
    """Return the bytes of all codecs of the model, fp32, once per model."""
    if spec.k is None:
        return 0
    codecs = spec.shape.layers * (spec.shape.kv_heads if spec.per_head_codecs else 1)
    one = codec_numbers(spec.method, spec.shape.head_dim, spec.k, spec.transform)
    return codecs * one * _FP32


def codec_numbers(method: Method, dim: int, k: int, spec: TransformSpec) -> int:
    """Return how many numbers one codec holds.

    PCA holds its basis once, for both ways, and one mean; the others hold an encoder, a decoder,
    two offsets and their transform. Axes other than raw are a matrix d × d and its inverse.

    Parameters
    ----------
    method : Method
        Whose transform it is.
    dim, k : int
        Dimension d, and bottleneck.
    spec : TransformSpec
        What the transform is made of.
    """
    if not method.is_learnt:
        return dim * k + dim
    turned = 0 if spec.axes is Axes.RAW else 2 * dim * dim
    return 2 * dim * k + 2 * dim + turned + method.numbers(dim, spec)


def numbers_per_head(tokens: int, k: int) -> int:
    """Return how many numbers one head keeps of V: k for each token kept."""
    return tokens * k


def _break_even(spec: MemorySpec) -> int | None:
    side, value = side_information_bytes(spec), spec.value_bytes_per_token
    saved = spec.key_bytes_per_token - value
    if side == 0 and saved >= 0:
        return 1
    kept = spec.kept_tokens
    if saved > 0:
        tokens = -(-side // saved)
        if kept is None or tokens <= kept:
            return tokens
    if kept is None:
        return None
    # Past the pruned length every further token saves all of its V.
    return max(kept, -(-(side + kept * value) // spec.key_bytes_per_token))
