"""How ``kvsplice solve`` answers."""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from kvsplice_core.cli.console import change_text, print_table, remark, say, significant
from kvsplice_core.cli.evaluations import estimate_text, print_controls
from kvsplice_core.pipelines.wording import recipe_words
from kvsplice_core.quality.solve_wording import solve_caveats, solve_verdict

if TYPE_CHECKING:
    from kvsplice_core.pipelines.solving import LayerSolution
    from kvsplice_core.pipelines.spec import Pipeline
    from kvsplice_core.quality.solve_results import SolveResult, Trial
    from kvsplice_core.specs import CalibrationSpec


def print_solution(result: SolveResult) -> None:
    """Print the map of bits, what the card costs, and the verdict against equal bits."""
    evaluation, spec = result.evaluation, result.spec
    bits = ", ".join(f"{side.upper()} {significant(b)} bits" for side, b in result.bits.items())
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
        (str(layer), *("dense" if isnan(b) else significant(b) for b in row))
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
            significant(one.bits),
            str(one.k),
            significant(one.nmse),
            significant(one.unit.cost),
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
        significant(trial.bits),
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
        f"{title}, {pipeline.label}: {significant(fit.counted.total)} bits per value, everything "
        f"counted",
        f"NMSE {significant(fit.nmse)} on {len(fit.errors)} test tokens",
        recipe_words([pipeline], calibration.recipe),
    )
    say("; ".join(filter(None, heading)))
    rows = [
        (str(i), significant(one.counted.total), str(one.codec.k), significant(nmse), one.kept.key)
        for i, (one, nmse) in enumerate(
            (one, float(one.errors.sum() / one.spread.sum())) for one in fit.groups
        )
    ]
    print_table(("codec", "bits", "k", "test NMSE", "kept"), rows, "codec|bits|k|test NMSE")
    if len(rows) > 1:
        say(f"squared error against the same for all: {change_text(solution.change)}")
