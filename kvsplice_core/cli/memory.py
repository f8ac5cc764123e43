"""``kvsplice memory``: what a cache weighs, by the formula or measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import print_table, say, significant
from kvsplice_core.cli.measured_memory import add_options, print_measured, require_formula
from kvsplice_core.cli.options import new_command, positive_int
from kvsplice_core.methods import Method

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cache_memory import CacheBytes, MemorySpec
    from kvsplice_core.cli.options import Commands

DTYPE_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "fp8": 1, "int8": 1}


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "memory", "Weigh a KV cache, dense and compressed", _run)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="gpt2, gpt2-medium, gpt2-large, gpt2-xl or a config.json; with --measure "
        "gpt2-mini, a folder or a hub id",
    )
    add = parser.add_argument
    add("--tokens", type=positive_int, metavar="N", help="default: 1024; measured: the context")
    add("--batch", type=positive_int, default=1, metavar="N", help="sequences (default: 1)")
    add("--k", type=positive_int, metavar="K", help="numbers kept of each V; default: all")
    add("--kept", type=positive_int, metavar="N", help="tokens whose V is kept; default: all")
    add("--dtype", choices=DTYPE_BYTES, help="of K and V (default: fp16; measured: fp32)")
    add("--latent-dtype", choices=DTYPE_BYTES, help="of the k (default: fp16)")
    methods = [method.key for method in Method]
    add("--method", choices=methods, help="whose codecs (default: pca)")
    add("--knots", type=positive_int, metavar="K", help="of a spline (default: 16)")
    add_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.measure:
        return print_measured(arguments)
    require_formula(arguments)
    from kvsplice_core.cache_memory import formula, weigh

    spec = _spec(arguments)
    found = weigh(spec)
    say(f"{spec.shape.name}: {formula(spec)}\n")
    columns = ("cache", "size", "dense / size", "remark")
    print_table(columns, [*_parts(spec, found), *_references(spec)], numbers="size|dense / size")
    return 0


def _spec(arguments: argparse.Namespace) -> MemorySpec:
    from kvsplice_core.cache_memory import MemorySpec, load_model_shape

    return MemorySpec(
        load_model_shape(arguments.model),
        tokens=arguments.tokens or 1024,
        batch=arguments.batch,
        k=arguments.k,
        kept_tokens=arguments.kept,
        element_bytes=DTYPE_BYTES[arguments.dtype or "fp16"],
        latent_bytes=DTYPE_BYTES[arguments.latent_dtype or "fp16"],
        knots=arguments.knots or 16,
        method=Method.of(arguments.method or Method.PCA.key),
    )


def _parts(spec: MemorySpec, found: CacheBytes) -> list[tuple[str, ...]]:
    half = found.dense_total / 2
    kept = spec.tokens if spec.kept_tokens is None else min(spec.kept_tokens, spec.tokens)
    numbers = spec.shape.head_dim if spec.k is None else spec.k
    v_remark = f"{kept} tokens × {numbers} of {spec.shape.head_dim} numbers"
    return [
        _line("K", found.keys, half, "dense"),
        _line("V", found.values, half, v_remark),
        _line("side information", found.side, None, "codecs, fp32, once per model"),
        _line("all", found.total, found.dense_total, _break_even(found)),
    ]


def _break_even(found: CacheBytes) -> str:
    if found.break_even_tokens is None:
        return "never smaller than dense"
    return f"no larger than dense from {found.break_even_tokens} tokens on"


def _references(spec: MemorySpec) -> list[tuple[str, ...]]:
    import numpy as np

    from kvsplice_core.cache_memory import reference_lines, weigh

    total = weigh(spec).dense_total
    return [
        _line(line.name, float(line.bytes_at(np.array(spec.tokens))), total, line.detail)
        for line in reference_lines(spec)
    ]


def _line(name: str, size: float, of: float | None, remark: str) -> tuple[str, ...]:
    from kvsplice_core.cache_memory import format_bytes

    ratio = "" if of is None else f"{significant(of / size)}×"
    return (name, format_bytes(size), ratio, remark)
