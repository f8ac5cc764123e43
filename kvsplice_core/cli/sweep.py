"""``kvsplice sweep``: several methods at several k on the same vectors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import SweepProgress, change_text, prepare, print_table, remark
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import add_result_options, check_targets
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.sweep import SweepResult, SweepSpec, SweepTask
from kvsplice_core.version import library_versions

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.tasks.sweep import SweepResult, SweepRow, SweepSpec, SweepStep


def add_to(commands: Commands) -> None:
    """Add the command."""
    add_result_options(task_command(commands, SweepTask, "Compare methods at several k", _run))


def _run(arguments: argparse.Namespace) -> int:
    task: SweepTask = task_of(arguments)
    targets = check_targets(arguments)
    prepare(task.spec.calibration.threads)
    from kvsplice_core.data.vectors import load

    values = load(task.vectors)
    spec = task.spec.within(values.summary.dim)
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
    return (str(row.k), row.method.label, three_digits(row.scores.mse), change, row.kept.key)


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
