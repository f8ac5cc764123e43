"""What the commands print: tables on stdout, remarks and progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kvsplice_core.base.formats import percent, three_digits, with_interval

Result = TypeVar("Result")

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

    from kvsplice_core.base.estimates import Change
    from kvsplice_core.base.progress import Step
    from kvsplice_core.codec.card import HeadScore
    from kvsplice_core.data.summary import DataSummary
    from kvsplice_core.tasks.sweep import CalibrationStep, SweepRow, SweepSpec, SweepStep

_WIDTH_OF_A_PIPE = 200


def say(text: str) -> None:
    """Print a line of the result."""
    print(text)  # noqa: T201


def remark(text: str) -> None:
    """Print a line beside the result, on stderr."""
    print(text, file=sys.stderr)  # noqa: T201


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: str = "") -> None:
    """Print a table on stdout.

    Parameters
    ----------
    columns : sequence of str
        The headings.
    rows : iterable of sequence of str
        The cells, as many a row as there are columns.
    numbers : str
        The headings of the columns to align right, separated by ``|``.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right = numbers.split("|")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a [ in a cell is no markup
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    console = Console(file=sys.stdout, width=width)
    # Captured: rich ends the process by itself when the reader of a pipe goes away.
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    say("\n".join(lines).strip("\n"))


def change_text(change: Change) -> str:
    """Return a change against PCA with its interval and verdict."""
    written = with_interval(change.percent, change.low, change.high, percent)
    return f"{written} {change.verdict}"


def row_text(row: SweepRow) -> str:
    """Return one finished row of a sweep as a line."""
    text = f"k {row.k} {row.method.label}: MSE {three_digits(row.scores.mse)}"
    if row.change is not None:
        text += f", {change_text(row.change)} against PCA, kept: {row.kept.key}"
    return text


def calibration_text(work: CalibrationStep) -> str:
    """Return what a calibration is at, for a progress bar."""
    return f"{work.method.label} k {work.k}, epoch {work.epoch}/{work.epochs}"


class WorkProgress:
    """Shows any work as it goes: a bar on a terminal, else only what `finished` is told.

    Use it as a context manager; the bar is gone afterwards.
    """

    def __init__(self) -> None:
        self._bar = _Bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, fraction: float, text: str | None = None) -> None:
        """Show the share done, 0 … 1, and what is in work (as before when omitted)."""
        if self._bar is not None:
            self._bar.show(fraction, text)

    def finished(self, text: str) -> None:
        """Tell of a part that is finished, where there is no bar to show it."""
        if self._bar is None:
            remark(text)


class SweepProgress(WorkProgress):
    """Shows a sweep as it goes: a bar on a terminal, else one line for each finished row.

    Use it as a context manager; the bar is gone afterwards. The first progress value, when every
    option has proved sound, also tells which vectors were picked.

    Parameters
    ----------
    data : DataSummary
        The vectors.
    spec : SweepSpec
        What will be computed.
    """

    def __init__(self, data: DataSummary, spec: SweepSpec) -> None:
        super().__init__()
        self._heading = _heading(data)
        self._count = 0
        self._rows = len(spec.methods) * len(spec.ks)

    def follow(self, step: SweepStep) -> None:
        """Show one progress value."""
        if self._heading:
            remark(self._heading)
            self._heading = ""
        work = step.calibration
        self.show(step.fraction, None if work is None else calibration_text(work))
        if step.row is not None:
            self._count += 1
            self.finished(f"{self._count}/{self._rows} {row_text(step.row)}")


def _heading(data: DataSummary) -> str:
    every = data.vectors == data.available
    taken = f"{data.vectors}" if every else f"{data.vectors} of {data.available}"
    return f"{data.title}: {taken} vectors of {data.dim} dimensions (axes {data.axes})"


class _Bar:
    """A bar with the share done, the time left and what is in work."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeftColumn

        columns = (
            BarColumn(),
            TaskProgressColumn(),
            TimeLeftColumn(),
            TextColumn("{task.fields[work]}"),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("work", total=1.0, work="")

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def show(self, fraction: float, text: str | None = None) -> None:
        if text is None:
            self._progress.update(self._task, completed=fraction)
        else:
            self._progress.update(self._task, completed=fraction, work=text)


def print_scores(scores: Sequence[HeadScore]) -> None:
    """Print how every codec did on the test documents of its capture."""
    columns: tuple[str, ...] = (
        "side", "layer", "head", "k", "test MSE", "change against PCA, 95 % interval", "kept"
    )  # fmt: skip
    if any(score.bits is not None for score in scores):
        columns = ("side", "layer", "head", "k", "test MSE", "bits per value", "kept")
    numbers = "layer|head|k|test MSE|bits per value"
    print_table(columns, map(score_cells, scores), numbers=numbers)


def score_cells(score: HeadScore) -> tuple[str, ...]:
    """Return one score as cells."""
    place = (score.side.upper(), str(score.layer), "all" if score.head is None else str(score.head))
    measured = (str(score.k), three_digits(score.mse))
    if score.bits is not None:
        return (*place, *measured, three_digits(score.bits), score.kept)
    change = "" if score.change is None else change_text(score.change)
    return (*place, *measured, change, score.kept)


def prepare(threads: int | None) -> None:
    """Make torch ready for work on so many threads, the usual ones when None."""
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(threads)


def follow(
    work: Generator[Step[Any], None, Result],
    keep: Callable[[Any], object] | None = None,
    told: Callable[[Any, str], str] | None = None,
) -> Result:
    """Do a work under a bar and return its result.

    Parameters
    ----------
    work : generator of Step
    keep : callable, optional
        Takes what was found last where the work is interrupted, before the interrupt goes on.
    told : callable
        Returns what to say of a piece that was found while the text stood, empty for nothing;
        that it was measured when omitted.
    """
    from kvsplice_core.base.progress import run

    last: list[Any] = []
    with WorkProgress() as progress:

        def on_step(step: Step[Any]) -> None:
            progress.show(step.fraction, step.text)
            if step.found is not None:
                last[:] = [step.found]
                line = f"measured {step.text}" if told is None else told(step.found, step.text)
                if line:
                    progress.finished(line)

        try:
            return run(work, on_step)
        except KeyboardInterrupt:
            if keep is not None:
                keep(last[0] if last else None)
            raise
