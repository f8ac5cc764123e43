"""``kvsplice eval``: what a card costs a model, measured through the cache and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.text import format_bytes
from kvsplice_core.cli.console import WorkProgress, print_table, remark, say, significant
from kvsplice_core.cli.evaluations import (
    add_evaluation_options,
    estimate_text,
    evaluation_spec,
    load_language,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import new_command, positive_int
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.language.bundled import MODEL_HELP
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.codec.card import Card
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.tasks.curve import SensitivityResult
    from kvsplice_core.tasks.evaluate import Continuation, EvalResult, EvalSpec, HeadErrors

_DIVERGES = "▶"


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands, "eval", "Measure what a card costs a model, through its cache, audited", _run
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=MODEL_HELP,
    )
    parser.add_argument("--card", required=True, metavar="FILE", help="from kvsplice fit")
    add_evaluation_options(parser)
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="also the KL of every head compressed alone",
    )
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--record", action="store_true", help="write the evaluation into the card as its proof"
    )
    group = parser.add_argument_group("machine")
    group.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    group.add_argument("--threads", type=positive_int, metavar="N", help="CPU threads")


def _run(arguments: argparse.Namespace) -> int:
    spec = evaluation_spec(arguments, arguments.seed)
    json = None if arguments.json is None else check_file("--json", arguments.json, ".json")
    if arguments.record:
        check_file("--card", arguments.card, ".safetensors")
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(arguments.threads)
    from kvsplice_core.codec.card_file import load_card

    card = load_card(arguments.card)
    result, sensitivity, leaked = _evaluated(arguments, card, spec)
    if json is not None:
        from kvsplice_core.base.files import write_text
        from kvsplice_core.report.quality_table import eval_json

        write_text(json, eval_json(result, sensitivity, leaked))
        remark(f"wrote {json}")
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(leaked)
    _print(result, sensitivity)
    if arguments.record:
        _record(card, result, leaked, arguments.card)
    return 0


def _evaluated(
    arguments: argparse.Namespace, card: Card, spec: EvalSpec
) -> tuple[EvalResult, SensitivityResult | None, tuple[str, ...]]:
    from kvsplice_core.base.progress import run
    from kvsplice_core.proof.evaluation import evaluate
    from kvsplice_core.proof.leakage import leaks_of_card

    with WorkProgress() as progress:
        progress.show(0, f"loading {arguments.model}")
        language, documents = load_language(arguments.model, arguments)
        work = evaluate(language, card, documents, spec)
        result = run(work, lambda step: progress.show(step.fraction, step.text))
        leaked = leaks_of_card(card, documents)
        if not (arguments.sensitivity and result.is_valid):
            return result, None, leaked
        return *_with_sensitivity(language, card, documents, result, progress), leaked


def _with_sensitivity(
    language: LanguageModel,
    card: Card,
    documents: Sequence[Document],
    result: EvalResult,
    progress: WorkProgress,
) -> tuple[EvalResult, SensitivityResult]:
    from dataclasses import replace

    from kvsplice_core.base.progress import run
    from kvsplice_core.proof.sensitivity import sensitivity
    from kvsplice_core.proof.tensor_view import ranked

    few = replace(result.spec, tokens=min(result.spec.tokens, SENSITIVITY_TOKENS))
    work = sensitivity(language, card, documents, few)
    found = run(work, lambda step: progress.show(step.fraction, f"alone: {step.text}"))
    return replace(result, heads=ranked(result.heads, found)), found


def _record(card: Card, result: EvalResult, leaked: Sequence[str], path: str) -> None:
    from dataclasses import replace

    from kvsplice_core.codec.card_file import save_card

    proof = result.summary() | {"leaked_documents": list(leaked)}
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
        rows.append((*name, *map(significant, numbers), places, mark))
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
