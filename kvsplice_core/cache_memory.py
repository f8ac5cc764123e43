"""What a model's KV cache weighs, with V compressed or not; closed form, free of torch."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.errors import ModelShapeError, SpecError
from kvsplice_core.methods import Method

_FP32 = 4
_GQA_GROUP = 4
_FLOW_HIDDEN = 128
_FLOW_COUPLINGS = 3
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True)
class ModelShape:
    """What of a model decides the size of its cache.

    Parameters
    ----------
    name : str
        Name on screen.
    layers, kv_heads, head_dim : int
        Layers, key/value heads of each, and numbers of one key or value vector.
    query_heads : int
        Heads that read them; more than `kv_heads` under grouped-query attention.
    hidden : int
        Width of the model.
    """

    name: str
    layers: int
    kv_heads: int
    head_dim: int
    query_heads: int
    hidden: int


def _gpt2(name: str, layers: int, heads: int) -> ModelShape:
    return ModelShape(name, layers, heads, 64, heads, 64 * heads)


PRESETS = {
    "gpt2": _gpt2("GPT-2 124M", 12, 12),
    "gpt2-medium": _gpt2("GPT-2 355M", 24, 16),
    "gpt2-large": _gpt2("GPT-2 774M", 36, 20),
    "gpt2-xl": _gpt2("GPT-2 1.5B", 48, 25),
}
"""Models by the word typed on the command line."""


def load_model_shape(model: str | Path) -> ModelShape:
    """Return the shape of a preset or of the model a Hugging Face ``config.json`` describes.

    Parameters
    ----------
    model : str or Path
        A preset's key or name, or a path.

    Raises
    ------
    ModelShapeError
        If it is neither, or the file does not say layers, heads and width.
    """
    wanted = _loose(str(model))
    for key, shape in PRESETS.items():
        if wanted in {_loose(key), _loose(shape.name)}:
            return shape
    path = Path(model).expanduser()
    if path.is_dir():
        path = path / "config.json"
    if not path.is_file():
        raise ModelShapeError(
            f"a model must be one of {', '.join(PRESETS)} or a config.json; got {str(model)!r}"
        )
    return _shape_of(_read_config(path), path)


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

    def __post_init__(self) -> None:
        for name in ("tokens", "batch", "element_bytes", "latent_bytes"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.k is not None and not 1 <= self.k <= self.shape.head_dim:
            raise SpecError(
                f"k must lie between 1 and head_dim {self.shape.head_dim}; got {self.k}"
            )
        if self.kept_tokens is not None and self.kept_tokens < 1:
            raise SpecError(f"kept tokens must be at least 1; got {self.kept_tokens}")

    @property
    def vectors_per_token(self) -> int:
        """Value vectors of one token: layers × kv_heads × batch."""
        return self.shape.layers * self.shape.kv_heads * self.batch


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
        """The dense cache over everything."""
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
) -> CacheBytes:
    """Weigh a KV cache.

    Parameters
    ----------
    model : str, Path or ModelShape
        A preset such as ``gpt2``, a ``config.json``, or a shape.
    tokens, k, batch, kept_tokens, element_bytes, latent_bytes, method, knots
        See `MemorySpec`; without `k` the cache is not compressed.

    Raises
    ------
    ModelShapeError, SpecError
        If the model is unknown or a number is out of range.

    Examples
    --------
    >>> cache_bytes("gpt2", tokens=1024).total == 36 * 2**20
    True
    """
    shape = model if isinstance(model, ModelShape) else load_model_shape(model)
    return weigh(
        MemorySpec(shape, tokens, batch, k, kept_tokens, element_bytes, latent_bytes, knots, method)
    )


def weigh(spec: MemorySpec) -> CacheBytes:
    """Weigh the cache of `spec`."""
    dense_values = spec.vectors_per_token * spec.shape.head_dim * spec.element_bytes
    per_token = _value_bytes_per_token(spec)
    kept = spec.tokens if spec.kept_tokens is None else min(spec.kept_tokens, spec.tokens)
    return CacheBytes(
        keys=spec.tokens * dense_values,
        values=kept * per_token,
        side=side_information_bytes(spec),
        dense_total=2 * spec.tokens * dense_values,
        break_even_tokens=_break_even(spec, dense_values, per_token),
    )


def bytes_curve(spec: MemorySpec, tokens: NDArray[Any]) -> NDArray[np.float64]:
    """Return the total bytes at each number of tokens; shape as `tokens`."""
    lengths = np.asarray(tokens, dtype=np.float64)
    dense_values = spec.vectors_per_token * spec.shape.head_dim * spec.element_bytes
    kept = lengths if spec.kept_tokens is None else np.minimum(lengths, spec.kept_tokens)
    per_token = _value_bytes_per_token(spec)
    return lengths * dense_values + kept * per_token + side_information_bytes(spec)


def side_information_bytes(spec: MemorySpec) -> int:
    """Return the bytes of all codecs of the model, fp32, once per model."""
    if spec.k is None:
        return 0
    codecs = spec.shape.layers * (spec.shape.kv_heads if spec.per_head_codecs else 1)
    return codecs * _codec_numbers(spec, spec.k) * _FP32


def numbers_per_head(tokens: int, k: int) -> int:
    """Return how many numbers one head keeps of V: k for each token kept."""
    return tokens * k


@dataclass(frozen=True)
class ReferenceLine:
    """What other ways of saving would weigh.

    Parameters
    ----------
    name, detail : str
        Its name, and what was assumed.
    bytes_per_token : float
        Bytes each token costs.
    most_tokens : int or None
        Tokens after which it no longer grows.
    """

    name: str
    detail: str
    bytes_per_token: float
    most_tokens: int | None = None

    def bytes_at(self, tokens: NDArray[Any]) -> NDArray[np.float64]:
        """Return the bytes at each number of tokens."""
        lengths = np.asarray(tokens, dtype=np.float64)
        if self.most_tokens is not None:
            lengths = np.minimum(lengths, self.most_tokens)
        return lengths * self.bytes_per_token


def reference_lines(spec: MemorySpec, budget: int = 1024) -> tuple[ReferenceLine, ...]:
    """Return dense, grouped-query, MLA and token-budget caches of the same model.

    MLA keeps 4 head_dim + head_dim / 2 numbers per token and layer, as DeepSeek-V2 does.
    """
    shape, number = spec.shape, spec.element_bytes
    per_layer = shape.layers * spec.batch * number
    dense = 2.0 * shape.kv_heads * shape.head_dim * per_layer
    groups = max(1, shape.query_heads // _GQA_GROUP)
    return (
        ReferenceLine("dense", "K and V uncompressed", dense),
        ReferenceLine(
            f"GQA {_GQA_GROUP}:1",
            f"{groups} KV heads, each read by {_GQA_GROUP} query heads",
            2.0 * min(groups, shape.kv_heads) * shape.head_dim * per_layer,
        ),
        ReferenceLine(
            "MLA",
            "one latent of 4.5 head_dim numbers per token and layer (DeepSeek-V2)",
            4.5 * shape.head_dim * per_layer,
        ),
        ReferenceLine(
            f"{budget} tokens",
            "a token budget (StreamingLLM, H2O)",
            dense,
            budget,
        ),
    )


def formula(spec: MemorySpec) -> str:
    """Return the formula with the numbers of `spec` in it."""
    shape, weight = spec.shape, weigh(spec)
    heads = f"{shape.layers} layers × {shape.kv_heads} heads"
    batch = "" if spec.batch == 1 else f" × batch {spec.batch}"
    vectors = f"{heads} × {_count(spec.tokens)} tokens{batch}"
    if spec.k is None:
        dense = f"2 × {heads} × {shape.head_dim} × {_count(spec.tokens)} tokens{batch}"
        return f"{dense} × {spec.element_bytes} B = {format_bytes(weight.total)}"
    kept = spec.tokens if spec.kept_tokens is None else min(spec.kept_tokens, spec.tokens)
    values = vectors.replace(f"{_count(spec.tokens)} tokens", f"{_count(kept)} tokens")
    return (
        f"K: {vectors} × {shape.head_dim} × {spec.element_bytes} B = {format_bytes(weight.keys)}"
        f"  +  V: {values} × k {spec.k} × {spec.latent_bytes} B = {format_bytes(weight.values)}"
        f"  +  codecs {format_bytes(weight.side)}  =  {format_bytes(weight.total)}"
    )


def format_bytes(size: float) -> str:
    """Return bytes in binary units with three significant digits: ``36.0 MiB``."""
    value, unit = float(size), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    if unit == 0:
        return f"{value:.0f} B"
    digits = max(0, 2 - math.floor(math.log10(max(abs(value), 1e-9))))
    return f"{value:.{min(digits, 2)}f} {_UNITS[unit]}"


def dense(spec: MemorySpec) -> MemorySpec:
    """Return the same cache uncompressed."""
    return replace(spec, k=None, kept_tokens=None)


def _value_bytes_per_token(spec: MemorySpec) -> int:
    if spec.k is None:
        return spec.vectors_per_token * spec.shape.head_dim * spec.element_bytes
    return spec.vectors_per_token * spec.k * spec.latent_bytes


def _codec_numbers(spec: MemorySpec, k: int) -> int:
    d = spec.shape.head_dim
    if spec.method is Method.PCA:
        return d * k + d  # the decoder is the encoder turned round
    numbers = 2 * d * k + 2 * d
    if spec.method is Method.SPLINE:
        return numbers + d * (3 * spec.knots - 1)
    kept, moved = d // 2, d - d // 2
    layers = (kept + 1) * _FLOW_HIDDEN + (_FLOW_HIDDEN + 1) * _FLOW_HIDDEN
    return numbers + _FLOW_COUPLINGS * (layers + (_FLOW_HIDDEN + 1) * 2 * moved)


def _break_even(spec: MemorySpec, dense_values: int, per_token: int) -> int | None:
    side = side_information_bytes(spec)
    saved = dense_values - per_token
    if saved > 0:
        tokens = -(-side // saved)
        if spec.kept_tokens is None or tokens <= spec.kept_tokens:
            return max(1, tokens)
    if spec.kept_tokens is None:
        return 1 if side == 0 and saved == 0 else None
    # Past the pruned length every further token saves all of its V.
    return max(spec.kept_tokens, -(-(side + spec.kept_tokens * per_token) // dense_values))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelShapeError(f"{path} is not readable JSON", str(error)) from error
    if not isinstance(config, dict):
        raise ModelShapeError(f"{path} must hold a JSON object; got {type(config).__name__}")
    nested = config.get("text_config")
    return nested if isinstance(nested, dict) else config


def _shape_of(config: dict[str, Any], path: Path) -> ModelShape:
    layers = _number(config, path, "num_hidden_layers", "n_layer", "num_layers")
    heads = _number(config, path, "num_attention_heads", "n_head", "num_heads")
    hidden = _number(config, path, "hidden_size", "n_embd", "d_model")
    kv_heads = config.get("num_key_value_heads") or heads
    head_dim = config.get("head_dim") or hidden // heads
    for name, value in (("num_key_value_heads", kv_heads), ("head_dim", head_dim)):
        if not isinstance(value, int) or value < 1:
            raise ModelShapeError(f"{name} in {path} must be a positive number; got {value!r}")
    name = str(config.get("_name_or_path") or config.get("model_type") or path.parent.name)
    return ModelShape(name, layers, kv_heads, head_dim, heads, hidden)


def _number(config: dict[str, Any], path: Path, *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value >= 1:
            return value
    raise ModelShapeError(f"{path} must say {' or '.join(names)} as a positive number; it does not")


def _loose(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")
