"""The part of ``kvsplice memory`` that measures a real cache with the codecs of a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import WorkProgress, print_table, say, significant
from kvsplice_core.errors import SpecError

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.measured_memory import (
        DecodeCost,
        HeldBytes,
        MeasuredMemory,
        MeasureSpec,
        MemoryPoint,
    )

_TORCH_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
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


def print_measured(arguments: argparse.Namespace) -> int:
    """Measure, and print bytes beside the formula, the cost of decoding and the verdict."""
    _require_measurable(arguments)
    from kvsplice_core.threads import limit_threads, prepare_environment

    prepare_environment()
    limit_threads()
    found = _measured(arguments)
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


def _require_measurable(arguments: argparse.Namespace) -> None:
    if arguments.card is None:
        raise SpecError("--measure needs the codecs to measure, by --card FILE; none was given")
    given = [name for name in _FORMULA_ONLY if getattr(arguments, name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise SpecError(f"--{option} belongs to the formula; with --measure the card decides it")
    if arguments.dtype not in (None, *_TORCH_DTYPES):
        raise SpecError(
            f"a model is measured in {', '.join(_TORCH_DTYPES)}; got --dtype {arguments.dtype}"
        )


def _measured(arguments: argparse.Namespace) -> MeasuredMemory:
    import torch

    from kvsplice_core.cache.measuring import measure_memory
    from kvsplice_core.card_file import load_card
    from kvsplice_core.language.models import load_model
    from kvsplice_core.progress import run

    card = load_card(arguments.card)
    dtype = getattr(torch, _TORCH_DTYPES[arguments.dtype or "fp32"])
    language = load_model(arguments.model, device=arguments.device or "auto", dtype=dtype)
    with WorkProgress() as progress:
        work = measure_memory(language, card, _measure_spec(arguments))
        return run(work, lambda step: progress.show(step.fraction, step.text))


def _measure_spec(arguments: argparse.Namespace) -> MeasureSpec:
    from kvsplice_core.measured_memory import MeasureSpec

    return MeasureSpec.up_to(
        arguments.tokens, batch=arguments.batch, windowed=arguments.mode == "window"
    )


def _rows(point: MemoryPoint) -> list[tuple[str, ...]]:
    dense = _held("dense", point.dense, point.formula_dense)
    compressed = _held("compressed", point.compressed, point.formula)
    ratio = f"{significant(point.ratio)}×"
    return [(str(point.tokens), *dense, ""), ("", *compressed, ratio)]


def _held(name: str, held: HeldBytes, formula: HeldBytes) -> tuple[str, ...]:
    from kvsplice_core.cache_memory.wording import format_bytes

    parts = (held.keys, held.values, held.raw, held.side, held.total, formula.total)
    return (name, *(format_bytes(part) if part else "—" for part in parts))


def _cost(cost: DecodeCost) -> tuple[str, ...]:
    from kvsplice_core.cache_memory.wording import format_bytes

    times = [significant(1e3 * each) for each in (cost.token_s, cost.fastest_s, cost.slowest_s)]
    sizes = format_bytes(cost.held_bytes), format_bytes(cost.peak_bytes)
    return (cost.cache, times[0], f"{times[1]} … {times[2]}", *sizes)
