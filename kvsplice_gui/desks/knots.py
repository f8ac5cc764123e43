"""Joins the hand on the spline plot, the edits, what measures them, and learning from there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.base import formats
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.sweep import SweepRow
from kvsplice_gui.desks.knot_editor import KnotEditor
from kvsplice_gui.panels.views import Views
from kvsplice_gui.plots.knot_bar import EDIT_HELP
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.readouts.frontier import NEEDS_DATA
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.knot_edits import Edit, KnotEdits
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.knot_jobs import learn_job
from kvsplice_gui.work.runner import CALIBRATE, READ, REFIT, Controller

if TYPE_CHECKING:
    from kvsplice_core.codec.transforms.spline import Spline
    from kvsplice_core.fit.knot_refits import Learnt

LEARN = Busy("learn", "Learning")
_MOVES = {CALIBRATE.key, REFIT.key, READ.key, LEARN.key}
"""Work during which no hand may touch the knots, because it moves or replaces them."""


class KnotDesk(QObject):
    """Knots in the hand.

    Parameters
    ----------
    state : State
    controller : Controller
        Learns from here.
    views : Views
    parent : QObject, optional

    Signals
    -------
    changed
        What can be done has changed.
    failed : ErrorReport or KVSpliceError
    """

    changed = pyqtSignal()
    failed = pyqtSignal(object)

    def __init__(
        self, state: State, controller: Controller, views: Views, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._views = views
        self.editor = KnotEditor(state, views.splines.hand, self)
        self.refits = self.editor.refits
        self._shown: tuple[str, KnotEdits, bool] | None = None
        self._connect()
        self._show()

    def _connect(self) -> None:
        plot, bar, hand = self._views.splines, self._views.splines.bar, self._views.splines.hand
        plot.edit_button.clicked.connect(self.open)
        bar.dim_chosen.connect(self._on_bar_dim_chosen)
        for button, act in zip(
            bar.buttons, (self.undo, self.redo, self.reset, self.learn), strict=True
        ):
            button.clicked.connect(act)
        hand.dim_chosen.connect(self._on_bar_dim_chosen)
        self.editor.said.connect(self._controller.said)
        self.refits.started_from.connect(self._on_refits_started_from)
        self.refits.failed.connect(self.failed)
        self._state.wishes_changed.connect(self._on_wishes_changed)
        self._state.findings_changed.connect(self._on_findings_changed)
        self._controller.busy_changed.connect(self._on_controller_busy_changed)

    @property
    def edits(self) -> KnotEdits:
        """The edits as they are."""
        return self._state.findings.knots

    def why_not_open(self) -> str:
        """Return why there are no knots to take hold of now; empty where there are."""
        if self._state.findings.dataset is None:
            return NEEDS_DATA
        return self.obstacle or (self._controller.busy.why_not if self.are_moved else "")

    @property
    def are_moved(self) -> bool:
        """Whether work is going on that moves or replaces the knots."""
        busy = self._controller.busy
        return busy.is_cancelling or busy.key in _MOVES

    @property
    def obstacle(self) -> str:
        """Why the transform in focus has no knots for a hand; empty where it has."""
        wishes = self._state.wishes
        return kinds.why_no_hand(wishes, readouts.focus_row(wishes, self._state.findings))

    # What a user asks for -------------------------------------------------------------------

    @pyqtSlot(bool)
    def open(self, wanted: bool) -> None:
        """Take hold of the knots in focus, or let go of them; edits stay."""
        if wanted and self.why_not_open():
            self._show()
        elif not wanted or self.edits.is_edited:
            self._put(is_open=wanted)
        else:
            self._begin()

    def toggle(self) -> None:
        """Take hold of the knots, or let go of them."""
        self.open(not self.edits.is_open)

    @pyqtSlot()
    def undo(self) -> None:
        """Take the last edit back."""
        self.editor.walk(self.edits.place - 1)

    @pyqtSlot()
    def redo(self) -> None:
        """Do again what was taken back."""
        self.editor.walk(self.edits.place + 1)

    @pyqtSlot()
    def reset(self) -> None:
        """Go back to the knots as they were calibrated; redo walks forth again."""
        self.editor.walk(0)

    @pyqtSlot()
    def learn(self) -> None:
        """Let calibration go on from here, at the chosen k."""
        edit, setting, k = self.edits.settled, self.editor.setting(), self._state.wishes.k
        if edit is None or setting is None:
            return
        self.refits.stop()
        work = self._controller.work
        if work(LEARN, lambda: learn_job(setting, edit.spline, k), self._on_learnt):
            knots = len(edit.spline.knots_in)
            self._controller.said.emit(f"Learning from here: {knots} knots, k = {k}")

    def shutdown(self) -> None:
        """Wait for what measures."""
        self.refits.shutdown()

    # Beginning ------------------------------------------------------------------------------

    def _begin(self) -> None:
        row = readouts.focus_row(self._state.wishes, self._state.findings)
        spline = None if row is None else _spline_of(row)
        setting = self.editor.setting()
        if spline is not None:
            self._on_refits_started_from(spline)
        elif setting is not None:
            self.refits.start(setting)

    @pyqtSlot(object)
    def _on_refits_started_from(self, spline: Spline) -> None:
        dims = self._state.wishes.view.dims
        kept = self.edits.dim if self.edits.edits else (dims[0] if dims else 0)
        edits = KnotEdits((Edit("", spline),), is_open=True, dim=kept)
        self._state.find_knots(edits)

    # Learning --------------------------------------------------------------------------------

    def _on_learnt(self, learnt: Learnt) -> None:
        before, after = (
            formats.three_digits(mse) for mse in (learnt.judgement.theirs, learnt.judgement.ours)
        )
        if not learnt.judgement.is_gain:
            self._controller.said.emit(
                f"Calibration found nothing better on the validation part than the hand "
                f"(MSE {before}, learnt {after}): the knots stay as they are."
            )
            return
        self._controller.said.emit(f"Learnt from here: validation MSE {before} → {after}.")
        spline = learnt.spline.map(lambda table: table.cpu())
        edit = Edit(f"learn from here at k = {learnt.row.k}", spline, learnt=learnt.row)
        self.editor.do(edit)

    # Following ------------------------------------------------------------------------------

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        edits = self.edits
        if new.view.dims != old.view.dims and edits.dim not in (None, *new.view.dims):
            self.editor.choose_dim(new.view.dims[0])
        if edits.is_open and new.calibration != old.calibration and self._lets_go(new):
            self._put(is_open=False)
        elif (new.k, new.method) != (old.k, old.method):
            self._follow(edits)
        self._show()

    def _lets_go(self, wishes: Wishes) -> bool:
        """Tell whether another kind of curve or axes takes the knots out of the hand."""
        return wishes.method is Method.SPLINE and bool(kinds.why_no_hand(wishes, None))

    def _follow(self, edits: KnotEdits) -> None:
        k, rows = self._state.wishes.k, edits.shown_rows
        if edits.is_edited and edits.present is not None:
            if all(row.k != k for row in rows):
                self.editor.measure(edits.present, (k,))
        elif edits.is_open and not self.why_not_open():
            row = readouts.focus_row(self._state.wishes, self._state.findings)
            spline = None if row is None else _spline_of(row)
            if spline is not None:  # of another k other knots are in focus
                self._on_refits_started_from(spline)

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.knots is not old.knots:
            self._show()
        if new.dataset is not old.dataset:
            self.refits.stop()
            self._show()

    @pyqtSlot(object)
    def _on_controller_busy_changed(self, _: Busy) -> None:
        if self.are_moved and self.edits.held is not None:
            self._state.find_knots(self.edits.hold(None))
        self._show()

    @pyqtSlot(object)
    def _on_bar_dim_chosen(self, dim: int | None) -> None:
        self.editor.choose_dim(dim)

    def _put(self, *, is_open: bool) -> None:
        self._state.find_knots(replace(self.edits, is_open=is_open))

    @pyqtSlot()
    def _show(self) -> None:
        moving = self.are_moved
        why_not = self.why_not_open()
        shown = (why_not, self.edits, moving)
        if shown == self._shown:
            return  # most drags of k change nothing of it
        self._shown = shown
        plot = self._views.splines
        plot.edit_button.setEnabled(not why_not)
        plot.edit_button.setToolTip(why_not or EDIT_HELP)
        plot.show_edits(self.edits, are_moved=moving)
        self.changed.emit()


def _spline_of(row: SweepRow) -> Spline | None:
    """Return the spline of a row on the CPU; None where PCA was kept in its place."""
    from kvsplice_core.codec.transforms.spline import Spline

    transform = row.calibration.codec.transform
    if not isinstance(transform, Spline):
        return None
    return transform.map(lambda table: table.detach().cpu())
