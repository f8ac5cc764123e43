"""What a hand made of the knots: a row of edits to walk back and forth, and what they measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from kvsplice_core.tasks.sweep import SweepRow

if TYPE_CHECKING:
    from kvsplice_core.codec.shapes import SplineShape
    from kvsplice_core.codec.transforms.spline import Spline


@dataclass(frozen=True, eq=False)
class Edit:
    """One state of the knots.

    Parameters
    ----------
    name : str
        What led here, for the Edit menu, such as ``move knot 3 of dim 5``; empty at the start.
    spline : Spline
        On the CPU.
    learnt : SweepRow or None
        The row calibration found from here, which holds for its k.
    series : str
        Edits of one series in a row, such as nudges of one knot, are undone together.
    """

    name: str
    spline: Spline
    learnt: SweepRow | None = None
    series: str = ""

    @cached_property
    def shape(self) -> SplineShape:
        """The curves to draw."""
        return self.spline.shape(self.spline.knots_in)


@dataclass(frozen=True, eq=False)
class KnotEdits:
    """The edits of the open vectors.

    Parameters
    ----------
    edits : tuple of Edit
        First the knots as they were calibrated, or straight lines; then one after another.
    place : int
        Which of them is shown.
    held : Edit or None
        What the hand holds at the moment, before it lets go.
    rows : tuple of SweepRow
        What was measured last, one row for each k.
    is_open : bool
        Whether the knots can be taken hold of.
    dim : int or None
        Whose knots; None for those of every dimension.
    """

    edits: tuple[Edit, ...] = ()
    place: int = 0
    held: Edit | None = None
    rows: tuple[SweepRow, ...] = ()
    is_open: bool = False
    dim: int | None = None

    @property
    def present(self) -> Edit | None:
        """What is shown: what the hand holds, or the edit walked to."""
        return self.held or self.settled

    @property
    def settled(self) -> Edit | None:
        """The edit walked to, whatever the hand holds."""
        return self.edits[self.place] if self.edits else None

    @property
    def is_edited(self) -> bool:
        """Whether what is shown is not what was calibrated."""
        return self.held is not None or self.place > 0

    @property
    def shown_rows(self) -> tuple[SweepRow, ...]:
        """Rows of the edited knots, k ascending; none where nothing is edited."""
        if not self.is_edited:
            return ()
        learnt = None if self.present is None else self.present.learnt
        if learnt is None:
            return self.rows
        others = tuple(row for row in self.rows if row.k != learnt.k)
        return tuple(sorted((*others, learnt), key=lambda row: row.k))

    @property
    def undo_name(self) -> str:
        """What undo takes back; empty where there is nothing."""
        return self.edits[self.place].name if self.place else ""

    @property
    def redo_name(self) -> str:
        """What redo does again; empty where there is nothing."""
        after = self.edits[self.place + 1 :]
        return after[0].name if after else ""

    def hold(self, edit: Edit | None) -> KnotEdits:
        """Return them with `edit` in the hand; None puts things back as they were."""
        return replace(self, held=edit)

    def put(self, edit: Edit) -> KnotEdits:
        """Return them with `edit` behind the present one; what was undone is forgotten."""
        last = self.edits[self.place]
        goes_on = self.place > 0 and bool(edit.series) and edit.series == last.series
        kept = self.edits[: self.place + (not goes_on)]
        return replace(self, edits=(*kept, edit), place=len(kept), held=None)

    def walk(self, place: int) -> KnotEdits:
        """Return them at another place, as far as there is one."""
        place = min(max(place, 0), max(0, len(self.edits) - 1))
        return replace(self, place=place, held=None, rows=self.rows if place else ())

    def measured(self, row: SweepRow) -> KnotEdits:
        """Return them with one more row, in place of an older one of its k."""
        others = tuple(old for old in self.rows if old.k != row.k)
        return replace(self, rows=tuple(sorted((*others, row), key=lambda one: one.k)))
