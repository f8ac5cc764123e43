"""``kvsplice frontier``: whole pipelines at equal bytes, on vectors or through a model's cache."""

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
from kvsplice_core.tasks.frontier import FrontierTask

if TYPE_CHECKING:
    from pathlib import Path

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.frontier import FrontierPoint, FrontierResult


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(
        commands,
        FrontierTask,
        "Compare whole pipelines at equal bits per value, with the Gaussian bound",
        _run,
        data="DATA|MODEL",
    )
    results = parser.add_argument_group("results")
    results.add_argument("--csv", metavar="FILE", help="write the table")
    results.add_argument("--json", metavar="FILE", help="write everything that was measured")
    results.add_argument("--figures", metavar="DIR", help="draw the frontier into this folder")
    add_format_options(results)


def _run(arguments: argparse.Namespace) -> int:
    task: FrontierTask = task_of(arguments)
    targets = _Targets(arguments)
    prepare(task.spec.calibration.threads)

    def keep(so_far: FrontierResult | None) -> None:
        remark(f"interrupted after {0 if so_far is None else len(so_far.points)} points")
        if so_far is not None:
            targets.write(so_far)

    result: FrontierResult = follow(task.work(), keep)
    targets.write(result)
    if not result.is_valid:
        return print_failed(result.audit)
    warn_of_leaks(result.leaked)
    _print(result)
    return 0


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
            kl = three_digits(quality.kl.value)
            model = (estimate_text(quality.delta_nll, sign=True), kl)
    return (
        three_digits(point.bits),
        point.pipeline.label,
        "" if point.k is None else str(point.k),
        three_digits(point.nmse),
        "" if math.isnan(point.gap_db) else f"{three_digits(point.gap_db)} dB",
        *model,
        "" if change is None else percent(change.percent),
        "" if change is None else f"{percent(change.low)} … {percent(change.high)}",
        "" if change is None else change.verdict.value,
    )
