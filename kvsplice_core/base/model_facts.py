"""Which model a capture or a card belongs to; free of torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFacts:
    """Which model a card or a capture belongs to.

    Parameters
    ----------
    name : str
        What the user called it.
    sha256 : str
        Hash of its weights.
    layers, kv_heads, head_dim : int
        The shape of its cache.
    rotary : bool
        Whether K has a rotary position embedding in the cache.
    """

    name: str
    sha256: str
    layers: int
    kv_heads: int
    head_dim: int
    rotary: bool = False
