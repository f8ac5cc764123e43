"""``kvsplice frontier``: whole pipelines at equal bytes, on vectors or through a model's cache."""

from __future__ import annotations

import argparse
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli.console import WorkProgress, print_table, remark, say, signed, significant
from kvsplice_core.cli.evaluations import (
    add_evaluation_options,
    estimate_text,
    evaluation_spec,
    load_language,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import (
    add_calibration_options,
    add_data_options,
    calibration_spec,
    new_command,
    positive_int,
    read_values,
)
from kvsplice_core.cli.outputs import add_format_options, check_file, check_folder
from kvsplice_core.cli.sources import (
    ALSO_MODELS,
    add_source_options,
    captured_layers,
    model_of,
    opened_capture,
    refuse_of_vectors,
    wants_layers,
    wants_model,
)
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.tasks.frontier import DEFAULT_BITS, DEFAULT_COUNTED_TOKENS, FrontierSpec
from kvsplice_core.tasks.training import PIPELINE_RECIPE

if TYPE_CHECKING:
    from pathlib import Path

    from kvsplice_core.base.progress import Step
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.fit.frontier import Frontier
    from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        "frontier",
        "Compare whole pipelines at equal bits per value, with the Gaussian bound",
        _run,
    )
    add_data_options(parser, "DATA|MODEL", ALSO_MODELS)
    add_source_options(parser)
    group = parser.add_argument_group("frontier")
    group.add_argument(
        "--pipelines",
        type=parse_pipelines,
        default=DEFAULT_PIPELINES,
        metavar="LIST",
        help="words joined by +, such as pca,rounding,joined+output+lloyd-max "
        f"(default: {','.join(one.key for one in DEFAULT_PIPELINES)}; of vectors without a model "
        "those that need its W_O are left out)",
    )
    group.add_argument(
        "--bits",
        type=parse_bits,
        default=DEFAULT_BITS,
        metavar="LIST",
        help=f"bits per value (default: {','.join(f'{bits:g}' for bits in DEFAULT_BITS)})",
    )
    group.add_argument(
        "--counted-tokens",
        type=positive_int,
        default=DEFAULT_COUNTED_TOKENS,
        metavar="N",
        help="tokens that the codecs' own bytes are spread over (default: %(default)s)",
    )
    group.add_argument(
        "--join-layers",
        type=positive_int,
        default=1,
        metavar="N",
        help="of a capture's vectors alone: take the heads of N neighbouring layers together",
    )
    group.add_argument(
        "--surrogate",
        action="store_true",
        help="fit every pipeline to a Gaussian of equal mean and covariance too (the null test)",
    )
    add_evaluation_options(parser)
    add_calibration_options(parser, PIPELINE_RECIPE)
    results = parser.add_argument_group("results")
    results.add_argument("--csv", metavar="FILE", help="write the table")
    results.add_argument("--json", metavar="FILE", help="write everything that was measured")
    results.add_argument("--figures", metavar="DIR", help="draw the frontier into this folder")
    add_format_options(results)


def _run(arguments: argparse.Namespace) -> int:
    spec = FrontierSpec(
        pipelines=arguments.pipelines,
        bits=arguments.bits,
        calibration=calibration_spec(arguments),
        counted_tokens=arguments.counted_tokens,
        surrogate=arguments.surrogate,
    )
    targets = _Targets(arguments)
    finished: list[FrontierResult] = []
    try:
        with ExitStack() as stack:
            work, leaked = _work(arguments, spec, stack)
            result = _follow(work, finished)
    except KeyboardInterrupt:
        remark(f"interrupted after {len(finished[-1].points) if finished else 0} points")
        if finished:
            targets.write(finished[-1])
        raise
    targets.write(result)
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(leaked)
    _print(result)
    return 0


def _work(
    arguments: argparse.Namespace, spec: FrontierSpec, stack: ExitStack
) -> tuple[Frontier, tuple[str, ...]]:
    """Return the work, and the names of scored documents that the codecs learn from."""
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(arguments.threads)
    if not wants_model(arguments):
        return _of_vectors(arguments, spec), ()
    if arguments.join_layers != 1:
        raise SpecError("no cache can read layers joined: --join-layers needs --vectors-only")
    from kvsplice_core.proof.frontier import model_frontier
    from kvsplice_core.proof.leakage import leaks_of_capture

    capture = opened_capture(arguments, stack)
    language, documents = load_language(model_of(arguments, capture), arguments)
    evaluation = evaluation_spec(arguments)
    work = model_frontier(
        language,
        capture,
        documents,
        spec,
        evaluation,
        side=arguments.side,
        budget=arguments.budget,
    )
    return work, leaks_of_capture(capture.facts, documents)


def _of_vectors(arguments: argparse.Namespace, spec: FrontierSpec) -> Frontier:
    from kvsplice_core.fit.frontier import frontier, one_layer
    from kvsplice_core.tasks.frontier import without_model

    spec = without_model(spec)
    percent = round(100 * (1 - spec.calibration.train_fraction))
    if wants_layers(arguments):
        layers = captured_layers(arguments)
        title = f"{arguments.data}, {arguments.side.upper()} of {len(layers)} groups of layers"
        return frontier(layers, spec, title, f"the last documents, about {percent} %")
    if arguments.join_layers != 1:
        raise SpecError("--join-layers needs a capture and --vectors-only")
    refuse_of_vectors(arguments)
    arguments.pool_heads = arguments.head is None
    values = read_values(arguments)
    split = f"the last {percent} % of the vectors"
    return frontier(one_layer(values), spec, values.summary.title, split)


def _follow(work: Frontier, finished: list[FrontierResult]) -> FrontierResult:
    from kvsplice_core.base.progress import run

    with WorkProgress() as progress:

        def on_step(step: Step[FrontierResult]) -> None:
            progress.show(step.fraction, step.text)
            if step.found is not None:
                finished.append(step.found)
                progress.finished(f"measured {step.text}")

        return run(work, on_step)


class _Targets:
    """Where the results go, checked before the work."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        def file(option: str, text: str | None, suffix: str) -> Path | None:
            return None if text is None else check_file(option, text, suffix)

        self._csv = file("--csv", arguments.csv, ".csv")
        self._json = file("--json", arguments.json, ".json")
        figures = arguments.figures
        self._figures = None if figures is None else check_folder("--figures", figures)
        self._formats, self._dpi = arguments.formats, arguments.dpi

    def write(self, result: FrontierResult) -> None:
        """Write what was asked for; a CSV and figures have no place to say that it is invalid."""
        from kvsplice_core.base.files import write_text
        from kvsplice_core.report.frontier_table import frontier_csv, frontier_json

        if self._json is not None:
            write_text(self._json, frontier_json(result))
            remark(f"wrote {self._json}")
        if not result.is_valid:
            return
        if self._csv is not None:
            write_text(self._csv, frontier_csv(result))
            remark(f"wrote {self._csv}")
        if self._figures is not None:
            self._draw(result, self._figures)

    def _draw(self, result: FrontierResult, folder: Path) -> None:
        from kvsplice_core.report.figures.frontier import frontier_vs_bits
        from kvsplice_core.report.figures.saving import save_figure
        from kvsplice_core.report.frontier_words import MEASURES

        for measure in MEASURES if result.of_model else ("nmse",):
            for suffix in self._formats:
                figure = frontier_vs_bits(result, measure)
                save_figure(figure, folder / f"frontier_{measure}.{suffix}", dpi=self._dpi)
        remark(f"drew the frontier into {folder}")


def _print(result: FrontierResult) -> None:
    from kvsplice_core.report.frontier_words import recipe_words, verdict

    spec = result.spec
    heading = (
        f"{result.title}: {result.test_tokens} tokens of {result.split}",
        f"codecs counted over {spec.counted_tokens} tokens",
        recipe_words(spec.pipelines, spec.calibration.recipe),
    )
    say("; ".join(filter(None, heading)))
    model = ("ΔNLL", "KL") if result.of_model else ()
    columns = ("bits", "pipeline", "k", "NMSE", "gap", *model, "change", "95 % interval", "")
    print_table(columns, [_cells(p, result) for p in result.points], "bits|k|NMSE|gap|KL|change")
    for sentence in result.left_out:
        remark(f"left out: {sentence}")
    say("")
    for point in result.points:
        if point.change is not None:
            say(verdict(point, result))
    if result.audit:
        say("")
        print_controls(result.audit)


def _cells(point: FrontierPoint, result: FrontierResult) -> tuple[str, ...]:
    quality, change = point.quality, point.change
    model: tuple[str, ...] = ()
    if result.of_model:
        model = ("", "")
        if quality is not None:
            kl = significant(quality.kl.value)
            model = (estimate_text(quality.delta_nll, sign=True), kl)
    return (
        significant(point.bits),
        point.pipeline.label,
        "" if point.k is None else str(point.k),
        significant(point.nmse),
        "" if math.isnan(point.gap_db) else f"{significant(point.gap_db)} dB",
        *model,
        "" if change is None else f"{signed(change.percent)} %",
        "" if change is None else f"{signed(change.low)} … {signed(change.high)}",
        "" if change is None else change.verdict.value,
    )


def parse_pipelines(text: str) -> tuple[Pipeline, ...]:
    """Read a list such as ``pca,joined+lloyd-max``."""
    try:
        return tuple(Pipeline.of(part.strip()) for part in text.split(","))
    except SpecError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_bits(text: str) -> tuple[float, ...]:
    """Read bits per value such as ``1,2.5,4``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"bits per value must be numbers such as 1,2.5,4; got {text!r}"
        ) from error
