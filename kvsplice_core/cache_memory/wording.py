"""Bytes in words: sizes with their unit, and the formula behind them."""

from __future__ import annotations

import math

from kvsplice_core.cache_memory.spec import MemorySpec
from kvsplice_core.cache_memory.weights import weigh

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_THIN_SPACE = "\u202f"


def format_bytes(size: float) -> str:
    """Return bytes in binary units with three significant digits: ``36.0 MiB``."""
    value, unit = float(size), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    number = f"{value:.0f}" if unit == 0 else _three_digits(value)
    return f"{number} {_UNITS[unit]}"


def formula(spec: MemorySpec) -> str:
    """Return the formula with the numbers of `spec` in it, on one line."""
    return "  ".join(formula_lines(spec))


def formula_lines(spec: MemorySpec) -> tuple[str, ...]:
    """Return `formula` cut into lines of about 80 characters."""
    weight, dim, number = weigh(spec), spec.shape.head_dim, spec.element_bytes
    total = format_bytes(weight.total)
    if spec.k is None and spec.kept_tokens is None:
        return (f"2 × {_product(spec, spec.tokens, str(dim), number)} = {total}",)
    keys = _product(spec, spec.tokens, str(dim), number)
    kept, latent = (str(dim), number) if spec.k is None else (f"k {spec.k}", spec.latent_bytes)
    values = _product(spec, spec.value_tokens, kept, latent)
    codecs = "" if weight.side == 0 else f"  +  codecs {format_bytes(weight.side)}"
    return (
        f"K: {keys} = {format_bytes(weight.keys)}",
        f"+  V: {values} = {format_bytes(weight.values)}{codecs}  =  {total}",
    )


def _product(spec: MemorySpec, tokens: int, numbers: str, number_bytes: int) -> str:
    shape = spec.shape
    heads = "heads" if shape.kv_heads == shape.query_heads else "KV heads"
    batch = "" if spec.batch == 1 else f" × batch {spec.batch}"
    count = f"{tokens:,}".replace(",", _THIN_SPACE)
    return (
        f"{shape.layers} layers × {shape.kv_heads} {heads} × {numbers} × {count} tokens{batch}"
        f" × {number_bytes} B"
    )


def _three_digits(value: float) -> str:
    rounded = float(f"{value:.2e}")
    digits = 2 if rounded == 0 else 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, digits)}f}"
