"""``kvsplice fit``: calibrate one codec, or those of a whole capture, and save them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.capture.specs import Sides
from kvsplice_core.cli.console import (
    SweepProgress,
    WorkProgress,
    calibration_text,
    change_text,
    say,
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
from kvsplice_core.cli.pipeline_fit import (
    add_pipeline_options,
    fit_codec,
    fit_pipeline_card,
    wants_pipeline,
)
from kvsplice_core.cli.scores import print_scores, score_cells
from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method
from kvsplice_core.specs import PIPELINE_RECIPE, CalibrationSpec, SweepSpec

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kvsplice_core.capture.file import Capture
    from kvsplice_core.card import Card
    from kvsplice_core.card_fitting import CardSpec, CardStep
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.results import SweepRow
    from kvsplice_core.values.values import Values

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
    from kvsplice_core.calibration import history_of
    from kvsplice_core.codec_file import save_codec

    save_codec(row.calibration.codec, out, history_of(values, spec))
    say(f"saved {out}")
    say(f"kept {row.kept.key}")
    change = "" if row.change is None else f", {change_text(row.change)} against PCA"
    say(f"test MSE {significant(row.scores.mse)} at k {row.k}{change}")
    return 0


def _calibrated(values: Values, spec: CalibrationSpec) -> SweepRow:
    # A sweep of one k also measures the codec and PCA on the test part.
    from kvsplice_core.progress import run
    from kvsplice_core.sweeping import sweep

    wanted = SweepSpec(methods=(spec.method,), ks=(spec.k,), calibration=spec)
    with SweepProgress(values.summary, wanted) as progress:
        result = run(sweep(values, wanted), progress.follow)
    return result.of(spec.method)[0]


def _wants_card(arguments: argparse.Namespace) -> bool:
    """Say whether DATA is a capture of which nothing is picked."""
    if any(getattr(arguments, name) is not None for name in _PICKS):
        return False
    from kvsplice_core.threads import prepare_environment

    prepare_environment()
    from kvsplice_core.capture.file import is_capture

    return is_capture(arguments.data)


def _run_card(arguments: argparse.Namespace, calibration: CalibrationSpec, out: Path) -> int:
    from kvsplice_core.capture.file import open_capture
    from kvsplice_core.card_file import save_card
    from kvsplice_core.card_fitting import CardSpec
    from kvsplice_core.threads import limit_threads

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
    from kvsplice_core.card_fitting import fit_card
    from kvsplice_core.progress import run

    with WorkProgress() as progress:

        def on_step(step: CardStep) -> None:
            work = step.calibration
            detail = "" if work is None else f", {calibration_text(work)}"
            progress.show(step.fraction, step.text + detail)
            if step.score is not None:
                progress.finished(" ".join(score_cells(step.score)))

        return run(fit_card(capture, spec), on_step)
