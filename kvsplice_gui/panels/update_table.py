"""What an update did to new and to old vectors, each held out."""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.base import formats
from kvsplice_core.base.estimates import Judgement, Verdict
from kvsplice_core.tasks.update import Adapted
from kvsplice_gui.panels.record_table import Field, RecordTable

_EMPTY = "Choose a codec and press Update to see the drift, and the error before and after."
_COLOUR = {Verdict.GAIN: "good", Verdict.TIE: "", Verdict.LOSS: "error"}


@dataclass(frozen=True)
class Line:
    """One line: which vectors, and their MSE before and after."""

    name: str
    found: Judgement


def _interval(line: Line) -> str:
    change = line.found.change
    return f"{formats.percent(change.low)} … {formats.percent(change.high)}"


FIELDS = (
    Field("Held-out vectors", "Never learnt from", lambda line: line.name, width=136),
    Field(
        "MSE before",
        "Mean squared error of the codec as it was",
        lambda line: formats.three_digits(line.found.theirs),
        lambda line: line.found.theirs,
        width=100,
        is_number=True,
    ),
    Field(
        "MSE after",
        "Mean squared error of the codec that is kept",
        lambda line: formats.three_digits(line.found.ours),
        lambda line: line.found.ours,
        width=100,
        is_number=True,
    ),
    Field(
        "Change",
        "After against before",
        lambda line: formats.percent(line.found.change.percent),
        lambda line: line.found.change.percent,
        width=80,
        is_number=True,
    ),
    Field(
        "95 % interval",
        "Paired bootstrap over blocks of 64 tokens",
        _interval,
        lambda line: line.found.change.low,
        width=140,
        is_number=True,
    ),
    Field(
        "Verdict",
        "A tie where the interval holds 0",
        lambda line: line.found.change.verdict.value,
        width=72,
        colour=lambda line: _COLOUR[line.found.change.verdict],
    ),
)


class UpdateTable(RecordTable):
    """Two lines: the new vectors, and those the codec's file kept."""

    def __init__(self) -> None:
        super().__init__("Update", _EMPTY, FIELDS)

    def show_adapted(self, adapted: Adapted | None) -> None:
        """Show what an update found; None shows the sentence."""
        if adapted is None:
            self.show_records(())
        else:
            self.show_records((Line("new", adapted.new), Line("old", adapted.old)))
