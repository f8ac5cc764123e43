"""A transformers cache whose layers keep compressed V (and K), and what it costs."""

from __future__ import annotations

from kvsplice_core.cache.compressed import CacheMode, CompressedCache, StoredBytes, cache_for
from kvsplice_core.cache.folded import folded, why_not_folded

__all__ = [
    "CacheMode",
    "CompressedCache",
    "StoredBytes",
    "cache_for",
    "folded",
    "why_not_folded",
]
