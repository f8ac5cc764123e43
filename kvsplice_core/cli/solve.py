"""``kvsplice solve``: which codec gets how many bits, by what each of them costs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import (
    WorkProgress,
    change_text,
    follow,
    prepare,
    print_table,
    remark,
    say,
)
from kvsplice_core.cli.evaluations import (
    estimate_text,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import is_given, task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.report.frontier_words import recipe_words
from kvsplice_core.report.solve_words import solve_caveats, solve_verdict
from kvsplice_core.tasks.solve import SolveTask

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.codec.pipeline import Pipeline
    from kvsplice_core.fit.solve import LayerSolution
    from kvsplice_core.proof.solve import Solution
    from kvsplice_core.tasks.solve import SolveResult, Trial
    from kvsplice_core.tasks.training import CalibrationSpec


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(
        commands,
        SolveTask,
        "Share a budget of bits among layers and heads by what they cost",
        _run,
        data="DATA|MODEL",
    )
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        metavar="FILE",
        help="the .safetensors file to write: a card, or of vectors a codec",
    )
    group.add_argument("--csv", metavar="FILE", help="write what every codec was given")
    group.add_argument("--json", metavar="FILE", help="write everything that was measured")


def _run(arguments: argparse.Namespace) -> int:
    if is_given(arguments, "spec.key_bits") and not is_given(arguments, "spec.sides"):
        setattr(arguments, "spec.sides", Sides.BOTH)
    task: SolveTask = task_of(arguments)
    outs = {
        name: check_file(f"--{name}", getattr(arguments, name), suffix)
        for name, suffix in (("out", ".safetensors"), ("csv", ".csv"), ("json", ".json"))
        if getattr(arguments, name) is not None
    }
    prepare(task.spec.calibration.threads)
    from kvsplice_core.proof.tasks import wants_model

    if not wants_model(task):
        return _run_vectors(task, outs)
    solution: Solution = follow(task.work())
    return _finish(solution, outs)


def _finish(solution: Solution, outs: dict[str, Path]) -> int:
    from kvsplice_core.base.files import write_text
    from kvsplice_core.codec.card_file import save_card
    from kvsplice_core.report.solve_table import solve_csv, solve_json

    result, leaked = solution.result, solution.result.leaked
    if "json" in outs:
        write_text(outs["json"], solve_json(result, leaked))
        remark(f"wrote {outs['json']}")
    if not result.is_valid:
        return print_failed(result.evaluation.audit)
    warn_of_leaks(leaked)
    if "csv" in outs:
        write_text(outs["csv"], solve_csv(result))
        remark(f"wrote {outs['csv']}")
    print_solution(result)
    if "out" in outs:
        save_card(solution.card, outs["out"])
        say(f"saved {outs['out']}: {solution.card.title}, for {solution.card.model.name}")
    return 0


def _run_vectors(task: SolveTask, outs: dict[str, Path]) -> int:
    """Share the bits of one layer of vectors."""
    spec = task.spec
    if spec.bits is None or spec.sides is not Sides.V:
        raise SpecError("vectors without a model have no ΔNLL and no sides; they need --bits alone")
    if "csv" in outs or "json" in outs:
        raise SpecError("--csv and --json need a capture or a model; vectors are printed")
    from kvsplice_core.base.progress import run
    from kvsplice_core.codec.codec_file import save_codec
    from kvsplice_core.data.vectors import load
    from kvsplice_core.fit.solve import solve_layer

    source = task.vectors
    values = load(replace(source, pool_heads=source.head is None, budget=spec.budget))
    count = spec.pipeline.grouping.codecs(values.rows_per_token)
    if "out" in outs and count > 1:
        raise SpecError(f"--out holds one codec; {spec.pipeline.label} makes {count} of this layer")
    work = solve_layer(values, spec.pipeline, spec.bits, spec.calibration, spec.counted_tokens)
    with WorkProgress() as progress:
        solution = run(work, lambda share: progress.show(share, spec.pipeline.label))
    print_layer(solution, values.summary.title, spec.pipeline, spec.calibration)
    if "out" in outs:
        save_codec(solution.fit.codecs.codecs[0], outs["out"])
        say(f"saved {outs['out']}")
    return 0


def print_solution(result: SolveResult) -> None:
    """Print the map of bits, what the card costs, and the verdict against equal bits."""
    evaluation, spec = result.evaluation, result.spec
    bits = ", ".join(f"{side.upper()} {three_digits(b)} bits" for side, b in result.bits.items())
    counted = f"{result.model.name}, {spec.pipeline.label}: {bits} per value, everything counted"
    say("; ".join(filter(None, (counted, recipe_words([spec.pipeline], spec.calibration.recipe)))))
    documents = evaluation.documents
    names = ", ".join(one.name for one in documents)
    tokens = sum(one.tokens for one in documents)
    say(f"checked on {tokens} tokens of {names}; sensitivities on {', '.join(result.probes)}")
    for caveat in solve_caveats(result):
        remark(caveat)
    for side in result.sides:
        say("")
        _print_map(result, side)
    say("")
    _print_codecs(result)
    say("")
    _print_trials(result)
    for clause in solve_verdict(result, partial(estimate_text, sign=True)):
        say(clause)
    if result.choice is not None and result.choice.is_apart:
        quality = result.choice.quality
        cost = f"ΔNLL {estimate_text(quality.delta_nll, sign=True)}, KL {estimate_text(quality.kl)}"
        say(f"what is kept costs {cost} nats per token there")
    say("")
    print_controls(evaluation.audit)


def _print_map(result: SolveResult, side: str) -> None:
    heads = [f"head {head}" for head in range(result.model.kv_heads)]
    rows = [
        (str(layer), *("dense" if isnan(b) else three_digits(b) for b in row))
        for layer, row in enumerate(result.head_map(side).tolist())
    ]
    name = f"{side.upper()}, bits per value: layer"
    print_table((name, *heads), rows, "|".join((name, *heads)))


def _print_codecs(result: SolveResult) -> None:
    columns = ("side", "layer", "heads", "bits", "k", "test NMSE", "KL alone", "kept")
    rows = [
        (
            one.side.upper(),
            str(one.layer),
            " ".join(map(str, one.heads)),
            three_digits(one.bits),
            str(one.k),
            three_digits(one.nmse),
            three_digits(one.unit.cost),
            one.kept.key,
        )
        for one in result.shares
    ]
    print_table(columns, rows, "|".join(("layer", *columns[3:-1])))


def _print_trials(result: SolveResult) -> None:
    print_table(
        ("allotment", "bits", "ΔNLL", "KL", "perplexity", ""),
        [_trial_cells(one, result) for one in result.trials],
        "bits",
    )


def _trial_cells(trial: Trial, result: SolveResult) -> tuple[str, ...]:
    kept = result.even if result.kept_even else result.solved
    return (
        "the same for all" if trial.even else "by sensitivity",
        three_digits(trial.bits),
        estimate_text(trial.quality.delta_nll, sign=True),
        estimate_text(trial.quality.kl),
        estimate_text(trial.quality.perplexity),
        "kept" if trial is kept else "",
    )


def print_layer(
    solution: LayerSolution, title: str, pipeline: Pipeline, calibration: CalibrationSpec
) -> None:
    """Print what every codec of one layer of vectors was given."""
    fit = solution.fit
    heading = (
        f"{title}, {pipeline.label}: {three_digits(fit.counted.total)} bits per value, everything "
        f"counted",
        f"NMSE {three_digits(fit.nmse)} on {len(fit.errors)} test tokens",
        recipe_words([pipeline], calibration.recipe),
    )
    say("; ".join(filter(None, heading)))
    rows = [
        (
            str(i),
            three_digits(one.counted.total),
            str(one.codec.k),
            three_digits(nmse),
            one.kept.key,
        )
        for i, (one, nmse) in enumerate(
            (one, float(one.errors.sum() / one.spread.sum())) for one in fit.groups
        )
    ]
    print_table(("codec", "bits", "k", "test NMSE", "kept"), rows, "codec|bits|k|test NMSE")
    if len(rows) > 1:
        say(f"squared error against the same for all: {change_text(solution.change)}")
