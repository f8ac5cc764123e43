"""``kvsplice fit``: calibrate one codec, or those of a whole capture, and save them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import (
    SweepProgress,
    change_text,
    follow,
    prepare,
    print_scores,
    say,
    score_cells,
)
from kvsplice_core.cli.options import is_given, task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import recipe_words
from kvsplice_core.tasks.fit import FitTask
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import PIPELINE_RECIPE, CalibrationSpec

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.codec.card import Card, HeadScore
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.fit.group import Fit
    from kvsplice_core.tasks.sweep import SweepRow
    from kvsplice_core.tasks.training import CalibrationSpec


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(
        commands,
        FitTask,
        "Calibrate one codec and save it; of a capture, those of all layers and heads as a card",
        _run,
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _run(arguments: argparse.Namespace) -> int:
    # Transforms of pipelines learn by another recipe unless one is asked for.
    if is_given(arguments, "pipeline") and not is_given(arguments, "calibration.recipe"):
        setattr(arguments, "calibration.recipe", PIPELINE_RECIPE)
    task: FitTask = task_of(arguments)
    out = check_file("--out", arguments.out, ".safetensors")
    prepare(task.calibration.threads)
    if _wants_card(task):
        return _fit_card(task, out)
    for name, asked in (("kv", task.sides), ("layers", task.layers)):
        if asked is not None:
            raise SpecError(f"--{name} needs a whole capture of which no part is picked")
    return _fit_pipeline(task, task.pipeline, out) if task.pipeline else _fit_method(task, out)


def _wants_card(task: FitTask) -> bool:
    """Say whether the data are a capture of which nothing is picked."""
    from kvsplice_core.data.capture_file import is_capture

    return not task.vectors.is_picked and is_capture(task.vectors.data)


def _fit_method(task: FitTask, out: Path) -> int:
    from kvsplice_core.data.vectors import load

    values = load(task.vectors)
    row = _calibrated(values, task.calibration)
    from kvsplice_core.codec.codec_file import save_codec
    from kvsplice_core.fit.calibrate import history_of

    save_codec(row.calibration.codec, out, history_of(values, task.calibration))
    say(f"saved {out}")
    say(f"kept {row.kept.key}")
    change = "" if row.change is None else f", {change_text(row.change)} against PCA"
    say(f"test MSE {three_digits(row.scores.mse)} at k {row.k}{change}")
    return 0


def _calibrated(values: Values, spec: CalibrationSpec) -> SweepRow:
    # A sweep of one k also measures the codec and PCA on the test part.
    from kvsplice_core.base.progress import run
    from kvsplice_core.fit.sweep import sweep

    wanted = SweepSpec(methods=(spec.method,), ks=(spec.k,), calibration=spec)
    with SweepProgress(values.summary, wanted) as progress:
        result = run(sweep(values, wanted), progress.follow)
    return result.of(spec.method)[0]


def _fit_card(task: FitTask, out: Path) -> int:
    from kvsplice_core.codec.card_file import save_card

    card: Card = follow(task.work(), told=_told)
    save_card(card, out)
    pipelines = [task.pipeline] if task.pipeline else []
    if learnt := recipe_words(pipelines, task.calibration.recipe):
        say(learnt)
    print_scores(card.scores)
    say(f"saved {out}: {card.title}, for {card.model.name}")
    return 0


def _told(score: HeadScore, _: str) -> str:
    return " ".join(score_cells(score))


def _fit_pipeline(task: FitTask, pipeline: Pipeline, out: Path) -> int:
    from kvsplice_core.codec.codec_file import save_codec

    fit: Fit = follow(task.work())
    save_codec(fit.codec.to("cpu"), out)
    say(f"saved {out}")
    instead = "" if fit.replaced_by is None else f" in place of {pipeline.label}"
    kept = f"kept {fit.kept.label}{instead} at {three_digits(fit.counted.total)} bits per value"
    say("; ".join(filter(None, (kept, recipe_words([pipeline], task.calibration.recipe)))))
    say(f"test NMSE {three_digits(fit.nmse)} on {len(fit.errors)} vectors")
    return 0
