"""``kvsplice memory``: what a cache weighs, by the formula or measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import follow, prepare, print_table, say
from kvsplice_core.cli.options import new_command, positive_int
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.measure import DTYPES, MeasureTask

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cache.formula import CacheBytes
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.measure import (
        DecodeCost,
        HeldBytes,
        MeasuredMemory,
        MemoryPoint,
    )
    from kvsplice_core.tasks.memory import MemorySpec

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
    parser.set_defaults(task_of=_measure_task)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.measure:
        return print_measured(arguments)
    require_formula(arguments)
    from kvsplice_core.cache.formula import weigh
    from kvsplice_core.report.memory_words import formula

    spec = _spec(arguments)
    found = weigh(spec)
    say(f"{spec.shape.name}: {formula(spec)}\n")
    columns = ("cache", "size", "dense / size", "remark")
    print_table(columns, [*_parts(spec, found), *_references(spec)], numbers="size|dense / size")
    return 0


def _spec(arguments: argparse.Namespace) -> MemorySpec:
    from kvsplice_core.data.model_shape import load_model_shape
    from kvsplice_core.tasks.memory import MemorySpec

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

    from kvsplice_core.cache.formula import weigh
    from kvsplice_core.cache.references import reference_lines

    total = weigh(spec).dense_total
    return [
        _line(line.name, float(line.bytes_at(np.array(spec.tokens))), total, line.detail)
        for line in reference_lines(spec)
    ]


def _line(name: str, size: float, of: float | None, remark: str) -> tuple[str, ...]:
    from kvsplice_core.base.formats import format_bytes

    ratio = "" if of is None else f"{three_digits(of / size)}×"
    return (name, format_bytes(size), ratio, remark)


_FORMULA_ONLY = ("k", "kept", "latent_dtype", "method", "knots")
_MEASURED_ONLY = ("card", "mode", "device")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the measurement."""
    group = parser.add_argument_group("measured on this machine")
    group.add_argument(
        "--measure",
        action="store_true",
        help="count the bytes of real caches beside the formula and time decoding; needs --card",
    )
    group.add_argument("--card", metavar="FILE", help="the codecs in the cache, from kvsplice fit")
    group.add_argument(
        "--mode",
        choices=("strict", "window"),
        help="window: the first 4 and the newest 64 tokens stay raw (default: strict)",
    )
    group.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


def require_formula(arguments: argparse.Namespace) -> None:
    """Raise SpecError if an option of the measurement is given without it."""
    given = [name for name in _MEASURED_ONLY if getattr(arguments, name) is not None]
    if given:
        raise SpecError(f"--{given[0]} is for what is measured; add --measure")


def _measure_task(arguments: argparse.Namespace) -> MeasureTask:
    """Return what to measure; SpecError where an option is the formula's alone, or no card."""
    if not arguments.measure:
        raise SpecError("the formula is no task; add --measure")
    if arguments.card is None:
        raise SpecError("--measure needs the codecs to measure, by --card FILE; none was given")
    given = [name for name in _FORMULA_ONLY if getattr(arguments, name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise SpecError(f"--{option} belongs to the formula; with --measure the card decides it")
    if arguments.dtype not in (None, *DTYPES):
        raise SpecError(
            f"a model is measured in {', '.join(DTYPES)}; got --dtype {arguments.dtype}"
        )
    names = ("tokens", "batch", "mode", "dtype", "device")
    asked = {name: getattr(arguments, name) for name in names}
    chosen = {name: value for name, value in asked.items() if value is not None}
    return MeasureTask(arguments.model, arguments.card, **chosen)


def print_measured(arguments: argparse.Namespace) -> int:
    """Measure, and print bytes beside the formula, the cost of decoding and the verdict."""
    task = _measure_task(arguments)
    prepare(None)
    found: MeasuredMemory = follow(task.work(), told=lambda *_: "")
    per_token = f"{found.compresses} compressed, {found.dtype}, {found.device}"
    batch = "" if found.batch == 1 else f", batch {found.batch}"
    say(f"{found.model} with {found.card}: {per_token}{batch}\n")
    _print_bytes(found)
    say(f"\ndecoding behind {found.decode_tokens} tokens\n")
    _print_costs(found)
    say("\n" + "\n".join(found.verdict))
    return 0


def _print_bytes(found: MeasuredMemory) -> None:
    numbers = ("tokens", "K", "V", "raw", "codecs", "all", "formula", "dense / size")
    columns = ("tokens", "cache", *numbers[1:])
    rows = [row for point in found.points for row in _rows(point)]
    print_table(columns, rows, numbers="|".join(numbers))


def _print_costs(found: MeasuredMemory) -> None:
    columns = ("cache", "ms per token", "fastest … slowest", "held", "peak")
    print_table(columns, [_cost(cost) for cost in found.costs], numbers="ms per token|held|peak")


def _rows(point: MemoryPoint) -> list[tuple[str, ...]]:
    dense = _held("dense", point.dense, point.formula_dense)
    compressed = _held("compressed", point.compressed, point.formula)
    ratio = f"{three_digits(point.ratio)}×"
    return [(str(point.tokens), *dense, ""), ("", *compressed, ratio)]


def _held(name: str, held: HeldBytes, formula: HeldBytes) -> tuple[str, ...]:
    from kvsplice_core.base.formats import format_bytes

    parts = (held.keys, held.values, held.raw, held.side, held.total, formula.total)
    return (name, *(format_bytes(part) if part else "—" for part in parts))


def _cost(cost: DecodeCost) -> tuple[str, ...]:
    from kvsplice_core.base.formats import format_bytes

    times = [three_digits(1e3 * each) for each in (cost.token_s, cost.fastest_s, cost.slowest_s)]
    sizes = format_bytes(cost.held_bytes), format_bytes(cost.peak_bytes)
    return (cost.cache, times[0], f"{times[1]} … {times[2]}", *sizes)
