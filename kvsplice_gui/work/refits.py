"""Measures what the hand makes, newest first: what was overtaken is dropped."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.tasks.sweep import SweepStep
from kvsplice_gui.state.knot_edits import Edit
from kvsplice_gui.work.knot_jobs import BenchKeeper, Setting, refit_job, start_job
from kvsplice_gui.work.worker import MakeWork, Worker


@dataclass(frozen=True, eq=False)
class _Ask:
    setting: Setting
    edit: Edit
    ks: tuple[int, ...]


class Refits(QObject):
    """Refits edits on a thread of its own.

    An edit is given the time for its first row, so that a hand that never rests still sees
    numbers; the rows after that wait until no newer edit is asked for.

    Signals
    -------
    measured : (Edit, SweepRow)
        One row of an edit.
    started_from : Spline
        Straight lines to begin with.
    failed : ErrorReport
    """

    measured = pyqtSignal(object, object)
    started_from = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keeper = BenchKeeper()
        self._worker = Worker(parent=self)
        self._present: _Ask | None = None
        self._waiting: _Ask | None = None
        self._has_row = False
        self._worker.stepped.connect(self._on_worker_stepped)
        self._worker.finished.connect(self._on_worker_finished)
        self._worker.failed.connect(self._on_worker_failed)

    @property
    def is_running(self) -> bool:
        """Whether anything is being measured."""
        return self._worker.is_running

    def start(self, setting: Setting) -> None:
        """Ask for straight lines to begin with."""
        self._drop()
        keeper = self._keeper
        self._worker.start(lambda: start_job(keeper, setting))

    def ask(self, setting: Setting, edit: Edit, ks: tuple[int, ...]) -> None:
        """Ask for the rows of `edit` at `ks`, in that order."""
        asked = _Ask(setting, edit, ks)
        if self._present is not None and not self._has_row:
            self._waiting = asked
        else:
            self._run(asked)

    def stop(self) -> None:
        """Drop what is asked for."""
        self._drop()
        self._worker.cancel()

    def shutdown(self) -> None:
        """Cancel and wait for the thread."""
        self._drop()
        self._worker.shutdown()

    def _drop(self) -> None:
        self._present = self._waiting = None

    def _run(self, asked: _Ask) -> None:
        self._present, self._waiting, self._has_row = asked, None, False
        self._worker.start(_bound(self._keeper, asked))

    @pyqtSlot(int, object)
    def _on_worker_stepped(self, _run: int, step: object) -> None:
        if self._present is None or not isinstance(step, SweepStep) or step.row is None:
            return
        self._has_row = True
        self.measured.emit(self._present.edit, step.row)
        if self._waiting is not None:
            self._run(self._waiting)

    @pyqtSlot(int, object)
    def _on_worker_finished(self, _run: int, result: object) -> None:
        if self._present is None:
            self.started_from.emit(result)
        waiting, self._present = self._waiting, None
        if waiting is not None:
            self._run(waiting)

    @pyqtSlot(int, object)
    def _on_worker_failed(self, _run: int, error: object) -> None:
        self._drop()
        self.failed.emit(error)


def _bound(keeper: BenchKeeper, asked: _Ask) -> MakeWork:
    return lambda: refit_job(keeper, asked.setting, asked.edit, asked.ks)
