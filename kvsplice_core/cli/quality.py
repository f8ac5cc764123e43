"""``kvsplice quality``: what several methods cost a model at several k, through its cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from kvsplice_core.cli.options import (
    add_calibration_options,
    add_methods_option,
    calibration_spec,
    new_command,
    parse_ks,
    positive_int,
)
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.curve import DEFAULT_QUALITY_KS, CurveSpec

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kvsplice_core.base.progress import Step
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.tasks.curve import CurveResult, QualityPoint

_DEFAULTS = CurveSpec()


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands, "quality", "Compare methods at several k by what they cost a model", _run
    )
    parser.add_argument("capture", metavar="CAPTURE", help="from kvsplice capture")
    parser.add_argument(
        "--model", metavar="MODEL", help="default: the one the capture was made with"
    )
    _add_curve_options(parser)
    add_evaluation_options(parser)
    add_calibration_options(parser)
    group = parser.add_argument_group("results")
    group.add_argument("--csv", metavar="FILE", help="write the table")
    group.add_argument("--json", metavar="FILE", help="write everything that was measured")


def _add_curve_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("curve")
    add_methods_option(group)
    group.add_argument(
        "--ks",
        type=parse_ks,
        default=DEFAULT_QUALITY_KS,
        metavar="LIST",
        help="bottleneck dimensions such as 8,16,32; those above head_dim are left out "
        f"(default: {','.join(map(str, DEFAULT_QUALITY_KS))})",
    )
    group.add_argument(
        "--side",
        choices=["v", "k", "both"],
        default=_DEFAULTS.side,
        help="what to compress (default: %(default)s)",
    )
    group.add_argument(
        "--budget",
        type=positive_int,
        default=_DEFAULTS.budget,
        metavar="N",
        help="vectors each codec is made of at most (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    spec = CurveSpec(
        methods=arguments.methods,
        ks=arguments.ks,
        calibration=calibration_spec(arguments),
        evaluation=evaluation_spec(arguments),
        side=arguments.side,
        budget=arguments.budget,
    )
    csv = None if arguments.csv is None else check_file("--csv", arguments.csv, ".csv")
    json = None if arguments.json is None else check_file("--json", arguments.json, ".json")
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(arguments.threads)
    from kvsplice_core.data.capture_file import open_capture

    capture, finished = open_capture(arguments.capture), _Finished()
    try:
        result, leaked = _measured(arguments, capture, spec, finished)
    except KeyboardInterrupt:
        count = 0 if finished.result is None else len(finished.result.points)
        remark(f"interrupted after {count} point{'s' * (count != 1)}")
        if finished.result is not None:
            _write(finished.result, finished.leaked, csv, json)
            _show(finished.result, finished.leaked)
        raise
    _write(result, leaked, csv, json)
    return _show(result, leaked)


@dataclass
class _Finished:
    """What was measured before an interrupt."""

    result: CurveResult | None = None
    leaked: tuple[str, ...] = ()


def _show(result: CurveResult, leaked: tuple[str, ...]) -> int:
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(leaked)
    _print(result)
    return 0


def _measured(
    arguments: argparse.Namespace, capture: Capture, spec: CurveSpec, finished: _Finished
) -> tuple[CurveResult, tuple[str, ...]]:
    from kvsplice_core.base.progress import run
    from kvsplice_core.proof.curve import quality_curve
    from kvsplice_core.proof.leakage import leaks_of_capture

    model = arguments.model or capture.facts.model.name
    with WorkProgress() as progress:
        progress.show(0, f"loading {model}")
        language, documents = load_language(model, arguments)
        left_out = [k for k in spec.ks if k > language.shape.head_dim]
        if left_out and len(left_out) < len(spec.ks):
            ks = ", ".join(map(str, left_out))
            remark(f"k {ks} left out: head_dim is {language.shape.head_dim}")

        def on_step(step: Step[CurveResult]) -> None:
            progress.show(step.fraction, step.text)
            if step.found is None:
                return
            if step.found.points:
                finished.result = step.found
            if step.found.is_valid:
                progress.finished(f"measured {step.text}")

        finished.leaked = leaks_of_capture(capture.facts, documents)
        result = run(quality_curve(language, capture, documents, spec), on_step)
        return result, finished.leaked


def _write(
    result: CurveResult, leaked: tuple[str, ...], csv: Path | None, json: Path | None
) -> None:
    from kvsplice_core.base.files import write_text
    from kvsplice_core.report.quality_table import curve_csv, curve_json

    if json is not None:
        write_text(json, curve_json(result, leaked))
        remark(f"wrote {json}")
    if csv is not None and result.is_valid:  # a CSV has no place to say that it is not valid
        write_text(csv, curve_csv(result))
        remark(f"wrote {csv}")


def _print(result: CurveResult) -> None:
    sides = "V and K" if result.spec.side == "both" else result.spec.side.upper()
    say(
        f"{result.model}, {sides} compressed, mode {result.spec.evaluation.mode}: {result.tokens} "
        f"tokens of {result.documents} document{'s' * (result.documents != 1)}; "
        "95 % intervals over them"
    )
    for caveat in result.caveats:
        remark(caveat)
    numbers = ("k", "KL", "MSE", "weighted", "after W_O", "B/token", "kept")
    columns = ("k", "method", "ΔNLL", "ΔNLL minus PCA's", *numbers[1:], "")
    disagree = result.disagreements()
    print_table(
        columns, [_cells(point, point.k in disagree) for point in result.points], "|".join(numbers)
    )
    say("")
    print_controls(result.audit)


def _cells(point: QualityPoint, disagree: bool) -> tuple[str, ...]:
    against = point.against_pca
    errors = (point.quality.kl.value, point.mse, point.weighted_mse, point.output_error)
    return (
        str(point.k),
        point.method.label,
        estimate_text(point.quality.delta_nll, sign=True),
        "" if against is None else estimate_text(against, sign=True),
        *map(significant, errors),
        str(point.bytes_per_token),
        f"{point.kept}/{point.codecs}",
        "errors disagree" if disagree else "",
    )
