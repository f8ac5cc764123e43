"""``kvsplice quality``: what several methods cost a model at several k, through its cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import follow, prepare, print_table, remark, say
from kvsplice_core.cli.evaluations import (
    estimate_text,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.curve import CurveTask

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.curve import CurveResult, QualityPoint


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(
        commands, CurveTask, "Compare methods at several k by what they cost a model", _run
    )
    group = parser.add_argument_group("results")
    group.add_argument("--csv", metavar="FILE", help="write the table")
    group.add_argument("--json", metavar="FILE", help="write everything that was measured")


def _run(arguments: argparse.Namespace) -> int:
    task: CurveTask = task_of(arguments)
    csv = None if arguments.csv is None else check_file("--csv", arguments.csv, ".csv")
    json = None if arguments.json is None else check_file("--json", arguments.json, ".json")
    prepare(task.spec.calibration.threads)
    _say_left_out(task)

    def keep(so_far: CurveResult | None) -> None:
        count = 0 if so_far is None else len(so_far.points)
        remark(f"interrupted after {count} point{'s' * (count != 1)}")
        if so_far is not None and so_far.points:
            _write(so_far, csv, json)
            _show(so_far)

    result: CurveResult = follow(task.work(), keep, _told)
    _write(result, csv, json)
    return _show(result)


def _told(so_far: CurveResult, text: str) -> str:
    return f"measured {text}" if so_far.is_valid else ""


def _say_left_out(task: CurveTask) -> None:
    from kvsplice_core.data.capture_file import open_capture

    dim = open_capture(task.capture).facts.model.head_dim
    left_out = [k for k in task.spec.ks if k > dim]
    if left_out and len(left_out) < len(task.spec.ks):
        remark(f"k {', '.join(map(str, left_out))} left out: head_dim is {dim}")


def _show(result: CurveResult) -> int:
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(result.leaked)
    _print(result)
    return 0


def _write(result: CurveResult, csv: Path | None, json: Path | None) -> None:
    from kvsplice_core.base.files import write_text
    from kvsplice_core.report.quality_table import curve_csv, curve_json

    if json is not None:
        write_text(json, curve_json(result, result.leaked))
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
        *map(three_digits, errors),
        str(point.bytes_per_token),
        f"{point.kept}/{point.codecs}",
        "errors disagree" if disagree else "",
    )
