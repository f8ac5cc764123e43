"""All rows of the sweep: sortable, copyable."""

from __future__ import annotations

from PyQt6.QtCore import Qt

from kvsplice_core.base import formats
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_core.tasks.sweep import SweepRow
from kvsplice_gui.panels.record_table import Field, RecordTable


def _method(row: SweepRow) -> str:
    return f"{row.method.label}, by hand" if row.calibration.edited else row.method.label


def _change(row: SweepRow) -> str:
    return "" if row.change is None else formats.percent(row.change.percent)


def _interval(row: SweepRow) -> str:
    if row.change is None:
        return ""
    return f"{formats.percent(row.change.low)} … {formats.percent(row.change.high)}"


def _change_key(row: SweepRow) -> float:
    return 0.0 if row.change is None else row.change.percent


COLUMNS = (
    Field(
        "k", "Numbers kept per vector", lambda r: str(r.k), lambda r: r.k, width=56, is_number=True
    ),
    Field(
        "Method",
        "What was asked for; by hand where its knots were edited",
        _method,
        _method,
        width=144,
        colour=lambda r: r.method.key,
    ),
    Field(
        "MSE",
        "Mean squared error on the test part, in units of V squared",
        lambda r: formats.three_digits(r.scores.mse),
        lambda r: r.scores.mse,
        is_number=True,
    ),
    Field(
        "NMSE",
        "MSE over the variance of the test part",
        lambda r: formats.three_digits(r.scores.nmse),
        lambda r: r.scores.nmse,
        is_number=True,
    ),
    Field(
        "Against PCA",
        "Change of MSE at the same k",
        _change,
        _change_key,
        width=108,
        is_number=True,
    ),
    Field(
        "95 % interval",
        "Paired block bootstrap over tokens",
        _interval,
        _change_key,
        width=140,
        is_number=True,
    ),
    Field(
        "Verdict",
        "A tie when the interval holds 0",
        lambda r: "" if r.change is None else r.change.verdict.value,
        lambda r: "" if r.change is None else r.change.verdict.value,
        width=64,
    ),
    Field(
        "Kept",
        "What the validation part chose: PCA where the method did not beat it",
        lambda r: r.kept.key,
        lambda r: r.kept.key,
        width=64,
    ),
    Field(
        "Pearson r",
        "Correlation of values and reconstruction",
        lambda r: f"{r.scores.pearson:.4f}",
        lambda r: r.scores.pearson,
        is_number=True,
    ),
    Field(
        "Cosine",
        "Mean cosine between a vector and its reconstruction",
        lambda r: f"{r.scores.cosine:.4f}",
        lambda r: r.scores.cosine,
        is_number=True,
    ),
    Field(
        "Ratio",
        "Numbers before over numbers after, d / k",
        lambda r: f"{formats.three_digits(r.scores.compression_ratio)} ×",
        lambda r: r.scores.compression_ratio,
        is_number=True,
    ),
    Field(
        "Time",
        "Seconds of calibration",
        lambda r: formats.duration(r.calibration.elapsed_s),
        lambda r: r.calibration.elapsed_s,
        is_number=True,
    ),
)


class ResultsTable(RecordTable):
    """The rows of a sweep, each method in its colour; sorted by k until a click."""

    def __init__(self) -> None:
        super().__init__("Results", "Open vectors to see every method at every k.", COLUMNS)
        self.model.set_colours({method.key: style_of(method).colour for method in Method})
        self.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
