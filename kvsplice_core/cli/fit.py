"""``kvsplice fit``: calibrate one codec, or those of a whole capture, and save them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli.console import (
    SweepProgress,
    WorkProgress,
    change_text,
    print_scores,
    say,
    score_cells,
    significant,
)
from kvsplice_core.cli.options import (
    add_calibration_options,
    add_data_options,
    calibration_spec,
    new_command,
    parse_layers,
    positive_int,
    read_values,
)
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.codec.kinds import Axes, Method
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.report.frontier_words import recipe_words
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import PIPELINE_RECIPE, CalibrationSpec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from pathlib import Path

    from kvsplice_core.base.progress import Step
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.codec.card import Card, HeadScore
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.fit.card import CardSpec
    from kvsplice_core.fit.group import Fit
    from kvsplice_core.fit.layer import LayerValues
    from kvsplice_core.fit.layers import Fits
    from kvsplice_core.tasks.sweep import SweepRow
    from kvsplice_core.tasks.training import CalibrationSpec

_PICKS = ("tensor", "layer", "head", "axes")


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        "fit",
        "Calibrate one codec and save it; of a capture, those of all layers and heads as a card",
        _run,
    )
    add_data_options(parser)
    add_calibration_options(parser, None)
    add_pipeline_options(parser)
    group = parser.add_argument_group("codec")
    group.add_argument(
        "--method",
        choices=[method.key for method in Method],
        default=Method.SPLINE.key,
        help="default: %(default)s",
    )
    group.add_argument(
        "--k",
        type=positive_int,
        default=16,
        metavar="K",
        help="bottleneck dimension, numbers kept per vector (default: %(default)s)",
    )
    group.add_argument(
        "--kv",
        choices=[side.value for side in Sides],
        help="of a capture: what the card compresses (default: what the capture holds)",
    )
    group.add_argument(
        "--layers",
        type=parse_layers,
        metavar="LIST",
        help="of a capture: the layers the card compresses, such as 0-3,5 (default: all)",
    )
    group.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _run(arguments: argparse.Namespace) -> int:
    with_pipeline = wants_pipeline(arguments)
    if arguments.recipe is None:
        arguments.recipe = PIPELINE_RECIPE if with_pipeline else CalibrationSpec().recipe
    spec = calibration_spec(arguments, Method.of(arguments.method), arguments.k)
    out = check_file("--out", arguments.out, ".safetensors")
    if _wants_card(arguments):
        return _run_card(arguments, spec, out)
    for name in ("kv", "layers"):
        if getattr(arguments, name) is not None:
            raise SpecError(f"--{name} needs a whole capture of which no part is picked")
    values = read_values(arguments)
    if with_pipeline:
        fit_codec(arguments, values, spec)
        return 0
    row = _calibrated(values, spec)
    from kvsplice_core.codec.codec_file import save_codec
    from kvsplice_core.fit.calibrate import history_of

    save_codec(row.calibration.codec, out, history_of(values, spec))
    say(f"saved {out}")
    say(f"kept {row.kept.key}")
    change = "" if row.change is None else f", {change_text(row.change)} against PCA"
    say(f"test MSE {significant(row.scores.mse)} at k {row.k}{change}")
    return 0


def _calibrated(values: Values, spec: CalibrationSpec) -> SweepRow:
    # A sweep of one k also measures the codec and PCA on the test part.
    from kvsplice_core.base.progress import run
    from kvsplice_core.fit.sweep import sweep

    wanted = SweepSpec(methods=(spec.method,), ks=(spec.k,), calibration=spec)
    with SweepProgress(values.summary, wanted) as progress:
        result = run(sweep(values, wanted), progress.follow)
    return result.of(spec.method)[0]


def _wants_card(arguments: argparse.Namespace) -> bool:
    """Say whether DATA is a capture of which nothing is picked."""
    if any(getattr(arguments, name) is not None for name in _PICKS):
        return False
    from kvsplice_core.base.devices import prepare_environment

    prepare_environment()
    from kvsplice_core.data.capture_file import is_capture

    return is_capture(arguments.data)


def _run_card(arguments: argparse.Namespace, calibration: CalibrationSpec, out: Path) -> int:
    from kvsplice_core.base.devices import limit_threads
    from kvsplice_core.codec.card_file import save_card
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.fit.card import CardSpec

    limit_threads(arguments.threads)
    capture = open_capture(arguments.data)
    sides = capture.facts.sides if arguments.kv is None else Sides(arguments.kv)
    if wants_pipeline(arguments):
        fit_pipeline_card(arguments, capture, calibration, sides.names, out)
        return 0
    spec = CardSpec(calibration, sides, arguments.pool_heads, arguments.budget, arguments.layers)
    card = _fitted(capture, spec)
    save_card(card, out)
    print_scores(card.scores)
    say(f"saved {out}: {card.title}, for {card.model.name}")
    return 0


def _fitted(capture: Capture, spec: CardSpec) -> Card:
    from kvsplice_core.base.progress import run
    from kvsplice_core.fit.card import fit_card

    with WorkProgress() as progress:

        def on_step(step: Step[HeadScore]) -> None:
            progress.show(step.fraction, step.text)
            if step.found is not None:
                progress.finished(" ".join(score_cells(step.found)))

        return run(fit_card(capture, spec), on_step)


Fitted = TypeVar("Fitted")


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a pipeline and its budget."""
    group = parser.add_argument_group("pipeline (in place of --method and --k)")
    group.add_argument(
        "--pipeline",
        metavar="WORDS",
        help="words joined by +, such as joined+lloyd-max; see kvsplice frontier",
    )
    group.add_argument(
        "--bits",
        type=float,
        metavar="B",
        help="bits per value, everything counted; one that keeps 16-bit numbers gets the k of its "
        "bits per token, its codec comes on top",
    )


def wants_pipeline(arguments: argparse.Namespace) -> bool:
    """Say whether a pipeline is asked for.

    Raises
    ------
    SpecError
        If there is a pipeline without bits, or bits without a pipeline.
    """
    if (arguments.pipeline is None) != (arguments.bits is None):
        raise SpecError("a pipeline and its bits go together: --pipeline WORDS --bits B")
    return arguments.pipeline is not None


def fit_codec(arguments: argparse.Namespace, values: Values, calibration: CalibrationSpec) -> None:
    """Fit a pipeline to picked vectors and save the codec."""
    from kvsplice_core.codec.codec_file import save_codec
    from kvsplice_core.fit.budget import Budget
    from kvsplice_core.fit.calibrate import split_parts
    from kvsplice_core.fit.group import fit_group

    pipeline = Pipeline.of(arguments.pipeline)
    if pipeline.grouping != Pipeline().grouping:
        raise SpecError(
            f"heads are grouped in a capture's card; a codec is of one head, got {pipeline.key}"
        )
    parts = split_parts(values, calibration)
    fit: Fit = _follow(fit_group(parts, pipeline, Budget(arguments.bits), calibration))
    save_codec(fit.codec.to("cpu"), arguments.out)
    say(f"saved {arguments.out}")
    instead = "" if fit.replaced_by is None else f" in place of {pipeline.label}"
    kept = f"kept {fit.kept.label}{instead} at {significant(fit.counted.total)} bits per value"
    say("; ".join(filter(None, (kept, recipe_words([pipeline], calibration.recipe)))))
    say(f"test NMSE {significant(fit.nmse)} on {len(fit.errors)} vectors")


def fit_pipeline_card(
    arguments: argparse.Namespace,
    capture: Capture,
    calibration: CalibrationSpec,
    sides: tuple[str, ...],
    out: Path,
) -> None:
    """Fit a pipeline to every layer of a capture and save the card."""
    from kvsplice_core.codec.card_file import save_card
    from kvsplice_core.fit.card import card_of
    from kvsplice_core.fit.layer import LayerValues
    from kvsplice_core.fit.layers import Fitter

    pipeline = Pipeline.of(arguments.pipeline)
    seen = _seen_by_model(arguments, capture, pipeline, sides)
    layers = {
        (side, layer): seen.get(
            (side, layer), LayerValues(capture.values(side, layer, budget=arguments.budget))
        )
        for side in sides
        for layer in arguments.layers or capture.facts.layers
    }
    fitter = Fitter(layers, pipeline, calibration)
    fits: Fits = _follow(fitter.fit_evenly(arguments.bits))
    card = card_of(capture, fits, pipeline, calibration)
    save_card(card, out)
    if learnt := recipe_words([pipeline], calibration.recipe):
        say(learnt)
    print_scores(card.scores)
    say(f"saved {out}: {card.title}, for {card.model.name}")


def _seen_by_model(
    arguments: argparse.Namespace, capture: Capture, pipeline: Pipeline, sides: tuple[str, ...]
) -> dict[tuple[str, int], LayerValues]:
    """Return the layers with the W_O of the capture's model, where the axes are those it sees."""
    if pipeline.axes is not Axes.OUTPUT or "v" not in sides:
        return {}
    from kvsplice_core.language.models import load_model
    from kvsplice_core.proof.frontier import model_layers

    language = load_model(capture.facts.model.name, device=arguments.device)
    return model_layers(language, capture, "v", arguments.budget)


def _follow(work: Generator[float, None, Fitted]) -> Fitted:
    from kvsplice_core.base.progress import run

    with WorkProgress() as progress:
        return run(work, lambda share: progress.show(share, "fitting"))
