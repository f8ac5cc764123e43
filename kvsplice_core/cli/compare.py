"""``kvsplice compare``: pipelines at equal budgets; ``frontier`` is a preset of it."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from kvsplice_core.base.formats import percent, three_digits
from kvsplice_core.cli.console import follow, prepare, print_table, remark, say
from kvsplice_core.cli.evaluations import (
    estimate_text,
    print_controls,
    print_failed,
    warn_of_leaks,
)
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import add_format_options, check_file, check_folder
from kvsplice_core.tasks.comparison import ComparisonTask
from kvsplice_core.tasks.frontier import FrontierTask

if TYPE_CHECKING:
    from pathlib import Path

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.comparison import Comparison, ComparisonRow
    from kvsplice_core.tasks.task import Task


def add_to(commands: Commands) -> None:
    """Add the command."""
    add_comparison(commands, ComparisonTask, "Compare pipelines at equal k or bits per value")


def add_comparison(commands: Commands, task: type[Task], help_text: str) -> None:
    """Add the command of a comparison or of a preset of it."""
    parser = task_command(commands, task, help_text, _run, data="DATA|MODEL")
    results = parser.add_argument_group("results")
    results.add_argument("--csv", metavar="FILE", help="write the table")
    results.add_argument("--json", metavar="FILE", help="write everything that was measured")
    results.add_argument("--figures", metavar="DIR", help="draw the frontier into this folder")
    add_format_options(results)


def _run(arguments: argparse.Namespace) -> int:
    task: ComparisonTask | FrontierTask = task_of(arguments)
    is_frontier = isinstance(task, FrontierTask)
    targets = _Targets(arguments, is_frontier=is_frontier)
    prepare(task.spec.calibration.threads)

    def keep(so_far: Comparison | None) -> None:
        remark(f"interrupted after {0 if so_far is None else len(so_far.points)} points")
        if so_far is not None:
            targets.write(so_far)

    result: Comparison = follow(task.work(), keep)
    targets.write(result)
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(result.leaked)
    _print(result, is_frontier=is_frontier)
    return 0


class _Targets:
    """Where the results go, checked before the work."""

    def __init__(self, arguments: argparse.Namespace, *, is_frontier: bool) -> None:
        def file(option: str, text: str | None, suffix: str) -> Path | None:
            return None if text is None else check_file(option, text, suffix)

        self._csv = file("--csv", arguments.csv, ".csv")
        self._json = file("--json", arguments.json, ".json")
        figures = arguments.figures
        self._figures = None if figures is None else check_folder("--figures", figures)
        self._formats, self._dpi = arguments.formats, arguments.dpi
        self._is_frontier = is_frontier

    def write(self, result: Comparison) -> None:
        """Write what was asked for; a CSV and figures have no place to say that it is invalid."""
        from kvsplice_core.base.files import write_text
        from kvsplice_core.report import comparison_table as table

        as_json = table.frontier_json if self._is_frontier else table.comparison_json
        as_csv = table.frontier_csv if self._is_frontier else table.comparison_csv
        if self._json is not None:
            write_text(self._json, as_json(result))
            remark(f"wrote {self._json}")
        if not result.is_valid:
            return
        if self._csv is not None:
            write_text(self._csv, as_csv(result))
            remark(f"wrote {self._csv}")
        if self._figures is not None:
            self._draw(result, self._figures)

    def _draw(self, result: Comparison, folder: Path) -> None:
        from kvsplice_core.report.figures.frontier import frontier_vs_bits
        from kvsplice_core.report.figures.saving import save_figure
        from kvsplice_core.report.frontier_words import MEASURES

        for measure in MEASURES if result.of_model else ("nmse",):
            for suffix in self._formats:
                figure = frontier_vs_bits(result, measure)
                save_figure(figure, folder / f"frontier_{measure}.{suffix}", dpi=self._dpi)
        remark(f"drew the frontier into {folder}")


def _print(result: Comparison, *, is_frontier: bool) -> None:
    from kvsplice_core.report.frontier_words import recipe_words, verdict

    spec = result.spec
    heading = (
        f"{result.title}: {result.test_tokens} tokens of {result.split}",
        f"codecs counted over {spec.counted_tokens} tokens",
        recipe_words(spec.pipelines, spec.calibration.recipe),
    )
    say("; ".join(filter(None, heading)))
    names = _columns(result, is_frontier=is_frontier)
    rows = ([_cells(point)[name] for name in names] for point in result.points)
    print_table([name.strip() for name in names], rows, "bits|k|MSE|NMSE|gap|KL|change")
    for sentence in result.left_out:
        remark(f"left out: {sentence}")
    say("")
    for point in result.points:
        if point.change is not None:
            say(verdict(point, result))
    if result.audit:
        say("")
        print_controls(result.audit)


_VERDICT = " "
"""The key of the verdict, a column without a heading."""


def _columns(result: Comparison, *, is_frontier: bool) -> tuple[str, ...]:
    """Return what is shown of each row; a frontier says no budget, MSE or what was kept."""
    model = ("ΔNLL", "KL") if result.of_model else ()
    compared = ("change", "95 % interval", _VERDICT)
    if is_frontier:
        return ("bits", "pipeline", "k", "NMSE", "gap", *model, *compared)
    return ("at", "pipeline", "k", "bits", "MSE", "NMSE", "gap", *model, *compared, "kept")


def _cells(row: ComparisonRow) -> dict[str, str]:
    """Return all that may be shown of a row, by heading."""
    quality, change = row.quality, row.change
    return {
        "at": row.budget.words,
        "bits": three_digits(row.bits),
        "pipeline": row.pipeline.label,
        "k": "" if row.k is None else str(row.k),
        "MSE": three_digits(row.mse),
        "NMSE": three_digits(row.nmse),
        "gap": "" if math.isnan(row.gap_db) else f"{three_digits(row.gap_db)} dB",
        "ΔNLL": "" if quality is None else estimate_text(quality.delta_nll, sign=True),
        "KL": "" if quality is None else three_digits(quality.kl.value),
        "change": "" if change is None else percent(change.percent),
        "95 % interval": ""
        if change is None
        else f"{percent(change.low)} … {percent(change.high)}",
        _VERDICT: "" if change is None else change.verdict.value,
        "kept": ", ".join(one.key for one in row.kept),
    }
