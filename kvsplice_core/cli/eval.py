"""``kvsplice eval``: what a card costs a model, measured through the cache and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.formats import format_bytes, three_digits
from kvsplice_core.cli.console import follow, prepare, print_table, remark, say
from kvsplice_core.cli.evaluations import (
    estimate_text,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.curve import Evaluated
from kvsplice_core.tasks.evaluate import EvaluateTask

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.curve import SensitivityResult
    from kvsplice_core.tasks.evaluate import Continuation, EvalResult, HeadErrors

_DIVERGES = "▶"


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(
        commands,
        EvaluateTask,
        "Measure what a card costs a model, through its cache, audited",
        _run,
    )
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--record", action="store_true", help="write the evaluation into the card as its proof"
    )


def _run(arguments: argparse.Namespace) -> int:
    task: EvaluateTask = task_of(arguments)
    json = None if arguments.json is None else check_file("--json", arguments.json, ".json")
    if arguments.record:
        check_file("--card", task.card, ".safetensors")
    prepare(task.threads)
    found: Evaluated = follow(task.work())
    result, leaked = found.result, found.result.leaked
    if json is not None:
        from kvsplice_core.base.files import write_text
        from kvsplice_core.report.quality_table import eval_json

        write_text(json, eval_json(result, found.sensitivity, leaked))
        remark(f"wrote {json}")
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(leaked)
    _print(result, found.sensitivity)
    if arguments.record:
        _record(result, task.card)
    return 0


def _record(result: EvalResult, path: str) -> None:
    from dataclasses import replace

    from kvsplice_core.codec.card_file import load_card, save_card

    card = load_card(path)
    proof = result.summary() | {"leaked_documents": list(result.leaked)}
    save_card(replace(card, proofs=(*card.proofs, proof)), path)
    remark(f"recorded in {path}")


def _print(result: EvalResult, sensitivity: SensitivityResult | None) -> None:
    _print_quality(result)
    say("")
    _print_heads(result.heads, sensitivity)
    if result.continuation is not None:
        say("")
        _print_continuation(result.continuation)
    say("")
    print_controls(result.audit)


def _print_quality(result: EvalResult) -> None:
    tokens, count = sum(one.tokens for one in result.documents), len(result.documents)
    mode = result.spec.mode
    mode += f" of {result.spec.window}" if mode == "window" else ""
    say(f"{result.card}, in {result.model}, mode {mode}")
    say(f"{tokens} tokens of {count} document{'s' * (count != 1)}; 95 % intervals over them")
    for caveat in result.caveats:
        remark(caveat)
    quality = result.quality
    print_table(
        ("measure", "mean [low, high]", "unit"),
        [
            ("perplexity, dense cache", estimate_text(quality.perplexity_base), ""),
            ("perplexity, this card", estimate_text(quality.perplexity), ""),
            ("ΔNLL", estimate_text(quality.delta_nll, sign=True), "nats per token"),
            ("KL(dense ‖ card)", estimate_text(quality.kl), "nats per token"),
            ("same top token", estimate_text(quality.top1, scale=100), "%"),
            ("RMS Δp", estimate_text(quality.rms_dp, scale=100), "%"),
        ],
    )
    say(
        f"cache after {result.tokens_held} tokens: {format_bytes(result.stored_bytes)}, of which "
        f"codecs {format_bytes(result.side_bytes)}, once per model; "
        f"dense {format_bytes(result.dense_bytes)}"
    )


def _print_heads(heads: Sequence[HeadErrors], sensitivity: SensitivityResult | None) -> None:
    measured = ["MSE", "weighted MSE", "after W_O"]
    measured += [] if sensitivity is None else ["KL alone"]
    columns = ("side", "layer", "head", *measured, "places", "")
    rows = []
    for one in heads:
        numbers = [one.mse, one.weighted_mse, one.output_error]
        if sensitivity is not None:
            numbers.append(float(sensitivity.kl[one.side][one.layer, one.head]))
        places = " ".join(map(str, one.ranks))
        mark = "disagree" if one.disagree else ""
        name = (one.side.upper(), str(one.layer), str(one.head))
        rows.append((*name, *map(three_digits, numbers), places, mark))
    print_table(columns, rows, numbers="|".join(("layer", "head", *measured, "places")))


def _print_continuation(found: Continuation) -> None:
    if found.first_divergence is None:
        say(f"greedy continuation: all {found.tokens} tokens the same")
    else:
        say(
            f"greedy continuation: token {found.first_divergence + 1} of {found.tokens} is the "
            f"first that differs, at {_DIVERGES}"
        )
    say(f"prompt  {_one_line(found.prompt)}")
    shared = len(found.shared.rstrip("\ufffd"))  # the last token may hold half a character
    for name, text in (("dense", found.base), ("card", found.compressed)):
        mark = "" if found.first_divergence is None else _DIVERGES
        say(f"{name:<7} {_one_line(text[:shared] + mark + text[shared:])}")


def _one_line(text: str) -> str:
    shown = text.replace("\n", "⏎")
    return "".join(c if c.isprintable() else "·" for c in shown)
