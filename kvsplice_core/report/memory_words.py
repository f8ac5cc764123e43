"""Bytes in words: sizes with their unit, and the formula behind them."""

from __future__ import annotations

from kvsplice_core.base.formats import count, format_bytes
from kvsplice_core.cache.formula import weigh
from kvsplice_core.tasks.memory import MemorySpec


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
    return (
        f"{shape.layers} layers × {shape.kv_heads} {heads} × {numbers} × {count(tokens)} tokens"
        f"{batch} × {number_bytes} B"
    )
