"""Long work of the window, all of one form: started, followed, settled, taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.base.progress import Step
from kvsplice_gui.desks.takeaway import TakeAway
from kvsplice_gui.panels.layout import Layout
from kvsplice_gui.panels.views import Views
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.busy import Busy
from kvsplice_gui.work.runner import Controller, Work

Task = TypeVar("Task")


@dataclass(frozen=True)
class Workplace:
    """What every desk works with."""

    state: State
    controller: Controller
    views: Views
    layout: Layout
    takeaway: TakeAway


@dataclass(frozen=True)
class Told:
    """What has become known.

    Parameters
    ----------
    findings : Findings
        All that is known now.
    said : tuple of str
        Lines for the log.
    status : str
        A verdict for the status bar.
    """

    findings: Findings
    said: tuple[str, ...] = ()
    status: str = ""


def _same(findings: Findings, _: Any = None) -> Findings:  # noqa: ANN401 - a task or nothing
    return findings


def _not_told(findings: Findings, _: Step[object]) -> Told:
    return Told(findings)


@dataclass(frozen=True)
class Activity(Generic[Task]):
    """A long work: what it does, and what becomes of what it finds; pure functions all.

    Parameters
    ----------
    key, verb : str
        See `Busy`.
    task_of : callable
        What would be done for wishes and findings; None where it cannot be.
    work : callable
        Makes the work of a task; the findings may hold parts that are made already.
    finished : callable
        What a task's result makes known.
    opening : callable
        What is said when a task is begun.
    begun : callable
        The findings once a task is in work.
    stepped : callable
        What a step makes known.
    settled : callable
        The findings when it has ended without a result: this keeps what was finished.
    why_not : callable
        Why it cannot be done for wishes and findings; empty where it can.
    docks : tuple of str
        Brought to the front when it begins.
    """

    key: str
    verb: str
    task_of: Callable[[Wishes, Findings], Task | None]
    work: Callable[[Task, Findings], Work]
    finished: Callable[[Findings, Task, Any], Told]
    opening: Callable[[Task], str] = lambda _: ""
    begun: Callable[[Findings, Task], Findings] = _same
    stepped: Callable[[Findings, Step[object]], Told] = _not_told
    settled: Callable[[Findings], Findings] = _same
    why_not: Callable[[Wishes, Findings], str] = lambda *_: ""
    docks: tuple[str, ...] = ()


class Desk(QObject, Generic[Task]):
    """Runs an activity.

    Signals
    -------
    found : str
        The verdict on what has been found.
    """

    found = pyqtSignal(str)

    def __init__(self, place: Workplace, activity: Activity[Task], parent: QObject) -> None:
        super().__init__(parent)
        self._place = place
        self._activity = activity
        place.controller.busy_changed.connect(self._on_busy_changed)

    def why_not(self) -> str:
        """Return why it cannot be started now; empty where it can."""
        state = self._place.state
        obstacle = self._activity.why_not(state.wishes, state.findings)
        return obstacle or self._place.controller.busy.why_not

    def start(self, task: Task | None = None) -> None:
        """Start what is wished, or `task`; unless something else is in work."""
        place, activity, state = self._place, self._activity, self._place.state
        asked = activity.task_of(state.wishes, state.findings) if task is None else task
        if asked is None:
            return
        started = place.controller.work(
            Busy(activity.key, activity.verb),
            activity.work(asked, state.findings),
            lambda found: self._tell(activity.finished(state.findings, asked, found)),
            self.on_stepped,
        )
        if started:
            opening = activity.opening(asked)
            said = (opening,) if opening else ()
            self._tell(Told(activity.begun(state.findings, asked), said))
            for key in activity.docks:
                place.layout.show_dock(key)

    def on_stepped(self, step: Step[object]) -> None:
        """Record what a step has found."""
        self._tell(self._activity.stepped(self._place.state.findings, step))

    def _tell(self, told: Told) -> None:
        state = self._place.state
        if told.findings is not state.findings:
            state.find_all(told.findings)
        for line in told.said:
            self._place.controller.said.emit(line)
        if told.status:
            self.found.emit(told.status)

    @pyqtSlot(object)
    def _on_busy_changed(self, busy: Busy) -> None:
        if busy.key != self._activity.key:
            self._tell(Told(self._activity.settled(self._place.state.findings)))
