"""The controls that would expose a fake, and whether each passed."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel

from kvsplice_core.tasks.evaluate import Control
from kvsplice_gui.look.theme import SPACING
from kvsplice_gui.panels.record_table import Field, RecordTable
from kvsplice_gui.readouts.quality_words import audit_verdict, failed

_WHEN = (
    "Of a curve the full audit runs at the first k of each method; what attention reads is watched "
    "at every point."
)
_ROOM_FOR_REMARK = 180
_EMPTY = (
    "Measure quality or evaluate a k: the controls run with it and stand here, each with what was "
    "measured and what is required."
)

FIELDS = (
    Field(
        "Result",
        "Whether the control held; if one failed the numbers are not a result",
        lambda control: "✓ passed" if control.passed else "✗ FAILED",
        lambda control: control.passed,
        width=88,
        colour=lambda control: "good" if control.passed else "error",
    ),
    Field("Claim", "What must hold", lambda control: control.claim, width=380),
    Field("Measured", "What was measured, with its unit", lambda c: c.measured, width=220),
    Field("Required", "The bound", lambda control: control.required, width=220),
)


class AuditTable(RecordTable):
    """Claim, measured, required and passed of every control."""

    def __init__(self) -> None:
        super().__init__("Audit", _EMPTY, FIELDS)
        self.when = QLabel(_WHEN)
        self.when.setProperty("role", "caption")
        self.when.setWordWrap(True)
        self.when.setMinimumWidth(1)
        self.when.setContentsMargins(SPACING, SPACING // 2, SPACING, SPACING // 2)
        layout = self.layout()
        if layout is not None:
            layout.addWidget(self.when)

    def show_audit(self, title: str, audit: Sequence[Control]) -> None:
        """Show the controls of `title`; a failure is said above them as well."""
        self.show_records(audit)
        bad = bool(failed(audit))
        self.notice.say(f"{title}: {audit_verdict(audit)}" if bad else "", is_error=bad)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave the room of a low table to its rows."""
        super().resizeEvent(event)
        self.when.setVisible(self.height() >= _ROOM_FOR_REMARK)
