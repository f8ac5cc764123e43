"""``kvsplice fit --pipeline``: a whole pipeline at a budget of bits, as a codec or as a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kvsplice_core.axes import Axes
from kvsplice_core.cli.console import WorkProgress, say, significant
from kvsplice_core.cli.scores import print_scores
from kvsplice_core.errors import SpecError
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.pipelines.wording import recipe_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator
    from pathlib import Path

    from kvsplice_core.capture.file import Capture
    from kvsplice_core.pipelines.fitting import GroupFit
    from kvsplice_core.pipelines.layer import LayerValues
    from kvsplice_core.pipelines.offers import Fits
    from kvsplice_core.specs import CalibrationSpec
    from kvsplice_core.values.values import Values


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
    from kvsplice_core.calibration import split_parts
    from kvsplice_core.codec_file import save_codec
    from kvsplice_core.pipelines.budget import Budget
    from kvsplice_core.pipelines.fitting import fit_group

    pipeline = Pipeline.of(arguments.pipeline)
    if pipeline.grouping != Pipeline().grouping:
        raise SpecError(
            f"heads are grouped in a capture's card; a codec is of one head, got {pipeline.key}"
        )
    parts = split_parts(values, calibration)
    fit: GroupFit = _follow(fit_group(parts, pipeline, Budget(arguments.bits), calibration))
    save_codec(fit.codec.to("cpu"), arguments.out)
    say(f"saved {arguments.out}")
    instead = "" if fit.replaced_by is None else f" in place of {pipeline.label}"
    kept = f"kept {fit.kept.label}{instead} at {significant(fit.counted.total)} bits per value"
    say("; ".join(filter(None, (kept, recipe_words([pipeline], calibration.recipe)))))
    nmse = fit.errors.sum() / fit.spread.sum()
    say(f"test NMSE {significant(float(nmse))} on {len(fit.errors)} vectors")


def fit_pipeline_card(
    arguments: argparse.Namespace,
    capture: Capture,
    calibration: CalibrationSpec,
    sides: tuple[str, ...],
    out: Path,
) -> None:
    """Fit a pipeline to every layer of a capture and save the card."""
    from kvsplice_core.card_file import save_card
    from kvsplice_core.pipelines.cards import card_of
    from kvsplice_core.pipelines.layer import LayerValues
    from kvsplice_core.pipelines.offers import Fitter

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
    asked = {key: arguments.bits for place in layers for key in fitter.keys(place)}
    fits: Fits = _follow(fitter.fit(asked))
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
    from kvsplice_core.quality.frontier import model_layers

    language = load_model(capture.facts.model.name, device=arguments.device)
    return model_layers(language, capture, "v", arguments.budget)


def _follow(work: Generator[float, None, Fitted]) -> Fitted:
    from kvsplice_core.progress import run

    with WorkProgress() as progress:
        return run(work, lambda share: progress.show(share, "fitting"))
