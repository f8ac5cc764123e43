"""What the user wishes and what has been found: frozen values behind two signals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.knot_edits import KnotEdits
from kvsplice_gui.state.wishes import Wishes


class State(QObject):
    """Holds the truth; widgets show it and write only what a hand changed."""

    wishes_changed = pyqtSignal(object, object)
    findings_changed = pyqtSignal(object, object)

    def __init__(self, wishes: Wishes | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wishes = wishes or Wishes()
        self._findings = Findings()

    @property
    def wishes(self) -> Wishes:
        """What the user wants now."""
        return self._wishes

    @property
    def findings(self) -> Findings:
        """What is known now."""
        return self._findings

    def wish(self, **changes: Any) -> None:  # noqa: ANN401 - as of Wishes.but
        """Change wishes by field; an impossible value raises SpecError and changes nothing."""
        new = self._wishes.but(**changes)
        new.require_valid()
        if new != self._wishes:
            old, self._wishes = self._wishes, new
            self.wishes_changed.emit(old, new)

    def wish_data(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.data`."""
        self.wish(data=replace(self._wishes.data, **changes))

    def wish_memory(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.memory`."""
        self.wish(memory=replace(self._wishes.memory, **changes))

    def wish_quality(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.quality`."""
        self.wish(quality=replace(self._wishes.quality, **changes))

    def wish_frontier(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.frontier`."""
        self.wish(frontier=replace(self._wishes.frontier, **changes))

    def wish_solve(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.solve`."""
        self.wish(solve=replace(self._wishes.solve, **changes))

    def wish_view(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of `Wishes.view`."""
        self.wish(view=replace(self._wishes.view, **changes))

    def find_quality(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field of `Findings.quality`."""
        self.find(quality=replace(self._findings.quality, **changes))

    def find_knots(self, edits: KnotEdits) -> None:
        """Record what a hand made of the knots."""
        self.find(knots=edits)

    def find_frontier(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field of `Findings.frontier`."""
        self.find(frontier=replace(self._findings.frontier, **changes))

    def find(self, **changes: Any) -> None:  # noqa: ANN401
        """Record findings by field."""
        self.find_all(replace(self._findings, **changes))

    def find_all(self, findings: Findings) -> None:
        """Put `findings` in place of those there are."""
        old, self._findings = self._findings, findings
        self.findings_changed.emit(old, findings)
