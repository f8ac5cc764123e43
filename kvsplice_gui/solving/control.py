"""From a budget or a loss to the work that shares the bits, and back into the findings."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.quality.solve_results import SolveStep
from kvsplice_gui import formats
from kvsplice_gui.controller import Controller
from kvsplice_gui.solving import readouts as solve_readouts
from kvsplice_gui.solving import words as solve_words
from kvsplice_gui.solving.jobs import solve_job
from kvsplice_gui.solving.state import Solved
from kvsplice_gui.state import State

SOLVE = "Solving"


class SolveControl(QObject):
    """Solves for the budget of the slider or a loss; a cancelled one leaves the last result.

    Signals
    -------
    solved : str
        The verdict on a budget that was solved for, in one line.
    """

    solved = pyqtSignal(str)

    def __init__(self, state: State, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._controller = controller
        self._source = ""
        controller.loaded.connect(self._on_controller_loaded)

    def solve(self) -> None:
        """Share the bits among all heads, and check them through the cache."""
        key = solve_readouts.key_of(self._state.wishes, self._state.findings)
        if key is None:
            return
        started = self._controller.work(
            SOLVE, lambda: solve_job(key), self._on_solved, self._on_stepped
        )
        if started:
            self._say(f"Solving {key.spec.pipeline.label} for {solve_words.asked(key.spec)}")

    def _on_stepped(self, step: object) -> None:
        if isinstance(step, SolveStep) and step.trial is not None:
            self._say(f"Measured {step.text}")  # no numbers: they are not audited yet

    def _on_solved(self, found: Solved) -> None:
        self._state.find(solved=found)
        if found.key.spec.max_dnll is not None:
            self._state.wish_frontier(budget=found.bits)  # what was found is what is to be seen
        seconds = formats.duration(found.result.elapsed_s)
        self._say(f"{solve_words.verdict(found)} {seconds}.")
        self.solved.emit(solve_words.summary(found))

    def _say(self, text: str) -> None:
        self._controller.said.emit(text)

    @pyqtSlot()
    def _on_controller_loaded(self) -> None:
        source = self._state.wishes.data.source
        if source != self._source:
            self._source = source
            self._state.find(solved=None)
