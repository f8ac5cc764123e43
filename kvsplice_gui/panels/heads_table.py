"""The tensor view: three errors and the sensitivity of every head, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import pyqtSignal

from kvsplice_core.base.formats import MISSING, three_digits
from kvsplice_core.tasks.evaluate import HeadErrors
from kvsplice_gui.panels.record_table import Field, RecordTable

_EMPTY = (
    "Press Evaluate this k to see the errors of every head: MSE, weighed by attention, after the "
    "output projection, and a mark where they rank the head differently."
)


@dataclass(frozen=True)
class HeadRow:
    """Errors of one side of a head, and its KL alone in nats per token, NaN if not measured."""

    errors: HeadErrors
    sensitivity: float

    @property
    def ranks(self) -> str:
        """The places by each measure, the largest first."""
        return " · ".join(map(str, self.errors.ranks))


def rows_of(
    heads: Sequence[HeadErrors], kl: Mapping[str, NDArray[np.float64]] | None
) -> tuple[HeadRow, ...]:
    """Join the errors of each side with its own sensitivity."""

    def cell(errors: HeadErrors) -> float:
        cells = np.empty((0, 0)) if kl is None else kl.get(errors.side, np.empty((0, 0)))
        inside = errors.layer < cells.shape[0] and errors.head < cells.shape[1]
        return float(cells[errors.layer, errors.head]) if inside else float("nan")

    return tuple(HeadRow(errors, cell(errors)) for errors in heads)


FIELDS = (
    Field("Side", "V or K", lambda r: r.errors.side.upper(), width=56),
    Field(
        "Layer",
        "Counted from 0",
        lambda r: str(r.errors.layer),
        lambda r: r.errors.layer,
        64,
        is_number=True,
    ),
    Field(
        "Head",
        "KV head, counted from 0",
        lambda r: str(r.errors.head),
        lambda r: r.errors.head,
        64,
        is_number=True,
    ),
    Field(
        "MSE",
        "Mean squared error, units of V squared",
        lambda r: three_digits(r.errors.mse),
        lambda r: r.errors.mse,
        is_number=True,
    ),
    Field(
        "By attention",
        "MSE, each token weighed by the squared attention it receives; units of V squared",
        lambda r: three_digits(r.errors.weighted_mse),
        lambda r: r.errors.weighted_mse,
        104,
        is_number=True,
    ),
    Field(
        "After W_O",
        "Mean squared error of the head's share of attention's output",
        lambda r: three_digits(r.errors.output_error),
        lambda r: r.errors.output_error,
        96,
        is_number=True,
    ),
    Field(
        "Alone, KL",
        "KL in nats per token when this side of this head alone is compressed: press "
        "Sensitivity map",
        lambda r: MISSING if np.isnan(r.sensitivity) else three_digits(r.sensitivity),
        lambda r: -1.0 if np.isnan(r.sensitivity) else r.sensitivity,
        96,
        is_number=True,
    ),
    Field(
        "Ranks",
        "Place by each measure; 1 is the largest error",
        lambda r: r.ranks,
        width=96,
        is_number=True,
    ),
    Field(
        "Rankings",
        "Disagree: the measures place the head more than one apart, so MSE alone misleads",
        lambda r: "▲ disagree" if r.errors.disagree else "agree",
        lambda r: not r.errors.disagree,
        96,
        colour=lambda r: "warning" if r.errors.disagree else "",
    ),
)


class HeadsTable(RecordTable):
    """One row per head; choosing one opens its vectors.

    Signals
    -------
    cell_chosen : int, int
        Layer and head of a row a hand chose.
    """

    cell_chosen = pyqtSignal(int, int)

    def __init__(self) -> None:
        super().__init__("Errors of every head", _EMPTY, FIELDS)
        self.record_chosen.connect(self._on_record_chosen)

    def show_heads(
        self, heads: Sequence[HeadErrors], kl: Mapping[str, NDArray[np.float64]] | None
    ) -> None:
        """Show the errors of every head, and their sensitivity where it was measured."""
        self.show_records(rows_of(heads, kl))

    def _on_record_chosen(self, row: HeadRow) -> None:
        self.cell_chosen.emit(row.errors.layer, row.errors.head)
