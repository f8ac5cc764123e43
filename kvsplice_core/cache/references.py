"""What other ways of making a cache smaller would weigh on the same model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.tasks.memory import MemorySpec

_GQA_GROUP = 4
_MLA_LATENT = 4.5


@dataclass(frozen=True)
class ReferenceLine:
    """What another way of saving would weigh.

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
        """Return the bytes at each number of tokens; shape as `tokens`."""
        lengths = np.asarray(tokens, dtype=np.float64)
        if self.most_tokens is not None:
            lengths = np.minimum(lengths, self.most_tokens)
        return lengths * self.bytes_per_token


def reference_lines(spec: MemorySpec, budget: int = 1024) -> tuple[ReferenceLine, ...]:
    """Return dense, grouped-query, MLA and token-budget caches of the same model.

    Parameters
    ----------
    spec : MemorySpec
        The model, the batch and the bytes of a dense number; the rest is not used.
    budget : int
        Tokens a token budget keeps.

    References
    ----------
    Ainslie et al. 2023, "GQA". DeepSeek-AI 2024, "DeepSeek-V2": 512 latent and 64 rotary numbers
    for head_dim 128, that is 4.5 head_dim. Xiao et al. 2024, "StreamingLLM". Zhang et al. 2023,
    "H2O".
    """
    head_dim = spec.shape.head_dim
    per_layer = spec.shape.layers * spec.batch * spec.element_bytes
    dense = 2.0 * spec.shape.kv_heads * head_dim * per_layer
    shared_by = _query_heads_per_group(spec.shape.query_heads)
    groups = min(spec.shape.kv_heads, spec.shape.query_heads // shared_by)
    return (
        ReferenceLine("dense", "K and V uncompressed", dense),
        ReferenceLine(
            f"GQA {shared_by}:1",
            f"{groups} KV heads for {spec.shape.query_heads} query heads",
            2.0 * groups * head_dim * per_layer,
        ),
        ReferenceLine(
            "MLA",
            f"one latent of {_MLA_LATENT} head_dim a layer, as DeepSeek-V2",
            _MLA_LATENT * head_dim * per_layer,
        ),
        ReferenceLine(f"{budget} tokens", "a token budget (StreamingLLM, H2O)", dense, budget),
    )


def _query_heads_per_group(query_heads: int) -> int:
    """Return how many query heads share a KV head: 4, or the nearest number that divides them."""
    divisors = [n for n in range(1, query_heads + 1) if query_heads % n == 0]
    return min(divisors, key=lambda n: abs(n - _GQA_GROUP))
