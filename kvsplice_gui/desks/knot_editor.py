"""Does with the knots what the hand asks, as edits that can be undone, and has them measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Axes, Curve, KnotPlacement
from kvsplice_core.tasks.sweep import SweepRow
from kvsplice_gui.plots.knot_hand import Knot, KnotHand
from kvsplice_gui.state.knot_edits import Edit, KnotEdits
from kvsplice_gui.state.state import State
from kvsplice_gui.work.knot_jobs import Setting
from kvsplice_gui.work.refits import Refits

if TYPE_CHECKING:
    from kvsplice_core.codec.transforms.spline import Spline


class KnotEditor(QObject):
    """Edits the knots of the state.

    Parameters
    ----------
    state : State
        Holds the edits.
    hand : KnotHand
        Says what is asked of which knot.
    parent : QObject, optional

    Signals
    -------
    said : str
        Why an edit was refused.
    """

    said = pyqtSignal(str)

    def __init__(self, state: State, hand: KnotHand, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._hand = hand
        self.refits = Refits(self)
        hand.moved.connect(self._on_hand_moved)
        hand.dropped.connect(self._on_hand_dropped)
        hand.cancelled.connect(self._on_hand_cancelled)
        hand.nudged.connect(self._on_hand_nudged)
        hand.added.connect(self._on_hand_added)
        hand.removed.connect(self._on_hand_removed)
        self.refits.measured.connect(self._on_refits_measured)

    @property
    def edits(self) -> KnotEdits:
        """The edits as they are."""
        return self._state.findings.knots

    def choose_dim(self, dim: int | None) -> None:
        """Take the knots of another dimension; None for those of every one."""
        self._state.find_knots(replace(self.edits, dim=dim))

    def do(self, edit: Edit) -> None:
        """Put an edit behind the present one and have it measured."""
        self._state.find_knots(self.edits.put(edit))
        self.measure(edit)

    def walk(self, place: int) -> None:
        """Go to another of the edits and have it measured."""
        self._state.find_knots(self.edits.walk(place))
        if self.edits.is_edited and self.edits.present is not None:
            self.measure(self.edits.present)
        else:
            self.refits.stop()

    def setting(self) -> Setting | None:
        """Return on what edits are measured now; None without data."""
        dataset = self._state.findings.dataset
        if dataset is None:
            return None
        # What a hand makes is straight pieces in raw axes, whatever is wished of the next run.
        calibration = replace(
            self._state.wishes.calibration,
            curve=Curve.LINEAR,
            knot_placement=KnotPlacement.QUANTILES,
            axes=Axes.RAW,
        )
        return Setting(dataset, calibration)

    def measure(self, edit: Edit, ks: tuple[int, ...] = ()) -> None:
        """Ask for the rows of an edit: the chosen k first, then the others of the result."""
        setting, result = self.setting(), self._state.findings.result
        k, dim = self._state.wishes.k, self._state.findings.dim
        if setting is not None:
            others = () if result is None else result.ks
            wanted = ks or (k, *(other for other in others if other != k))
            self.refits.ask(setting, edit, tuple(one for one in wanted if 1 <= one <= dim))

    @pyqtSlot(object, float, float)
    def _on_hand_moved(self, knot: Knot, x: float, z: float) -> None:
        edit = self._moved(knot, x, z)
        if edit is not None:
            self._state.find_knots(self.edits.hold(edit))
            self.measure(edit)

    @pyqtSlot()
    def _on_hand_dropped(self) -> None:
        held = self.edits.held
        if held is not None:
            self._state.find_knots(self.edits.put(held))

    @pyqtSlot()
    def _on_hand_cancelled(self) -> None:
        if self.edits.held is not None:
            self.walk(self.edits.place)

    @pyqtSlot(object, float, float)
    def _on_hand_nudged(self, knot: Knot, x: float, z: float) -> None:
        edit = self._moved(knot, x, z, series=f"nudge {knot} {self.edits.dim}")
        if edit is not None:
            self.do(edit)

    def _moved(self, knot: Knot, x: float, z: float, series: str = "") -> Edit | None:
        from kvsplice_core.fit.knot_editing import move_knot

        before, everywhere = self.edits.settled, self.edits.dim is None
        if before is None:
            return None
        spline = move_knot(before.spline, knot.dim, knot.index, x, z, everywhere=everywhere)
        return Edit(f"move knot {knot.index} of {self._whose(knot)}", spline, series=series)

    @pyqtSlot(int, float)
    def _on_hand_added(self, dim: int, x: float) -> None:
        from kvsplice_core.fit.knot_editing import add_knot

        def add(before: Spline) -> Edit:
            return Edit(f"add a knot to dim {dim}", add_knot(before, dim, x))

        if self._attempt(add):
            if self.edits.dim is not None:
                self.choose_dim(dim)
            self._hand.choose_near(dim, x)

    @pyqtSlot(object)
    def _on_hand_removed(self, knot: Knot) -> None:
        from kvsplice_core.fit.knot_editing import remove_knot

        everywhere = self.edits.dim is None
        name = f"remove knot {knot.index} of {self._whose(knot)}"
        self._attempt(
            lambda before: Edit(
                name, remove_knot(before, knot.dim, knot.index, everywhere=everywhere)
            )
        )

    def _whose(self, knot: Knot) -> str:
        return "every dimension" if self.edits.dim is None else f"dim {knot.dim}"

    def _attempt(self, make: Callable[[Spline], Edit]) -> bool:
        """Do an edit that may be refused; a refusal is said, not shouted."""
        before = self.edits.settled
        if before is None:
            return False
        try:
            edit = make(before.spline)
        except SpecError as error:
            self.said.emit(f"Not done: {error}.")
            return False
        self.do(edit)
        return True

    @pyqtSlot(object, object)
    def _on_refits_measured(self, edit: Edit, row: SweepRow) -> None:
        # A newer edit may be on screen: the newest numbers there are stand beside it until its own.
        if edit in self.edits.edits or self.edits.held is not None:
            self._state.find_knots(self.edits.measured(row))
