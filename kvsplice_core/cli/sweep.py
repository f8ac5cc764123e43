"""``kvsplice sweep``: several methods at several k on the same vectors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kvsplice_core.cli.console import SweepProgress, change_text, print_table, remark, significant
from kvsplice_core.cli.options import (
    add_calibration_options,
    add_data_options,
    add_methods_option,
    calibration_spec,
    new_command,
    parse_knots,
    parse_ks,
    read_values,
)
from kvsplice_core.cli.outputs import add_result_options, check_targets
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.sweep import DEFAULT_KS, SweepResult, SweepSpec
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.tasks.sweep import SweepResult, SweepRow, SweepSpec, SweepStep
    from kvsplice_core.tasks.training import CalibrationSpec


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "sweep", "Compare methods at several k", _run)
    add_data_options(parser)
    add_calibration_options(parser)
    group = parser.add_argument_group("sweep")
    add_methods_option(group)
    group.add_argument(
        "--ks",
        type=parse_ks,
        metavar="LIST",
        help="bottleneck dimensions such as 1-8,16,32 "
        f"(default: {','.join(map(str, DEFAULT_KS))}, as far as the vectors go)",
    )
    group.add_argument(
        "--earlier-knots",
        type=parse_knots,
        default=(),
        metavar="LIST",
        help="knots calibrated with before, in order; each hands its curves on (a warm start), "
        "as moving the knots in the window does",
    )
    add_result_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    calibration = calibration_spec(arguments)
    targets = check_targets(arguments)
    values = read_values(arguments)
    spec = _sweep_spec(arguments, calibration, values.summary.dim)
    finished = FinishedRows(values, spec)
    try:
        result = _follow(values, spec, finished)
    except KeyboardInterrupt:
        remark(f"interrupted after {len(finished.rows)} rows")
        if finished.rows:
            targets.write_tables(finished.result())
        raise
    _print(result)
    targets.write_tables(result)
    targets.write_figures(result, values)
    return 0


def _sweep_spec(arguments: argparse.Namespace, calibration: CalibrationSpec, dim: int) -> SweepSpec:
    ks = arguments.ks or tuple(k for k in DEFAULT_KS if k <= dim)
    return SweepSpec(
        methods=arguments.methods,
        ks=ks,
        calibration=calibration,
        earlier_knots=arguments.earlier_knots,
    )


def _follow(values: Values, spec: SweepSpec, finished: FinishedRows) -> SweepResult:
    from kvsplice_core.base.progress import run
    from kvsplice_core.fit.sweep import sweep

    with SweepProgress(values.summary, spec) as progress:

        def on_step(step: SweepStep) -> None:
            finished.add(step)
            progress.follow(step)

        return run(sweep(values, spec), on_step)


def _print(result: SweepResult) -> None:
    columns = ("k", "method", "MSE", "change against PCA, 95 % interval", "kept")
    print_table(columns, (_cells(row) for row in result.rows), numbers="k|MSE")


def _cells(row: SweepRow) -> tuple[str, ...]:
    change = "" if row.change is None else change_text(row.change)
    return (str(row.k), row.method.label, significant(row.scores.mse), change, row.kept.key)


class FinishedRows:
    """Collects the rows of a sweep as they are finished.

    Parameters
    ----------
    values : Values
        The vectors of the sweep.
    spec : SweepSpec
        What was asked for.
    """

    def __init__(self, values: Values, spec: SweepSpec) -> None:
        self._values = values
        self._spec = spec
        self._started = time.monotonic()
        self._pca_curve: tuple[float, ...] = ()
        self.rows: list[SweepRow] = []

    def add(self, step: SweepStep) -> None:
        """Keep what a progress value brings."""
        self._pca_curve = step.pca_curve or self._pca_curve
        if step.row is not None:
            self.rows.append(step.row)

    def result(self) -> SweepResult:
        """Return the rows so far as a result."""
        place = {method: index for index, method in enumerate(Method)}
        train, test = self._values.split(self._spec.calibration.train_fraction)
        return SweepResult(
            data=self._values.summary,
            spec=self._spec,
            rows=tuple(sorted(self.rows, key=lambda row: (row.k, place[row.method]))),
            pca_curve=self._pca_curve,
            variance_kept=(),
            train_vectors=len(train),
            test_vectors=len(test),
            device=self._spec.calibration.device,
            elapsed_s=time.monotonic() - self._started,
            versions=library_versions(),
        )
