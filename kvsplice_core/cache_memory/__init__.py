"""What a model's KV cache weighs, with V compressed or not; closed form, free of torch."""

from __future__ import annotations

from kvsplice_core.cache_memory.references import ReferenceLine, reference_lines
from kvsplice_core.cache_memory.shapes import PRESETS, ModelShape, load_model_shape
from kvsplice_core.cache_memory.spec import MemorySpec
from kvsplice_core.cache_memory.weights import (
    CacheBytes,
    bytes_curve,
    cache_bytes,
    codec_numbers,
    numbers_per_head,
    side_information_bytes,
    weigh,
)
from kvsplice_core.cache_memory.wording import format_bytes, formula, formula_lines

__all__ = [
    "PRESETS",
    "CacheBytes",
    "MemorySpec",
    "ModelShape",
    "ReferenceLine",
    "bytes_curve",
    "cache_bytes",
    "codec_numbers",
    "format_bytes",
    "formula",
    "formula_lines",
    "load_model_shape",
    "numbers_per_head",
    "reference_lines",
    "side_information_bytes",
    "weigh",
]
