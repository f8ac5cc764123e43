"""The pipeline across the top: every stage a button with its live number."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.readouts.stages import Stage, Stages

STAGE_KEYS = (
    "values", "grouping", "axes", "transform", "pca", "quantizer", "cache", "decoder", "restored",
)  # fmt: skip
OPTIONAL_KEYS = ("grouping", "axes", "quantizer")


class StageButton(QPushButton):
    """Two lines: what the stage is, and what it measures now."""

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        centre = Qt.AlignmentFlag.AlignCenter
        self._name = ElidedLabel("stage-name", centre)
        self._number = ElidedLabel("stage-number", centre)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(0)
        for label in (self._name, self._number):
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        self.setProperty("role", "stage")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_stage(self, stage: Stage) -> None:
        """Show name and number."""
        self._name.setText(stage.name)
        self._number.setText(stage.number)
        self.setToolTip(f"{stage.name}: {stage.number}\n{stage.help}".strip())
        self.setAccessibleName(f"{stage.name}: {stage.number}")

    @property
    def number(self) -> str:
        """The number shown."""
        return self._number.text()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size of the two lines: a push button would measure its empty text."""
        layout = self.layout()
        return super().sizeHint() if layout is None else layout.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the height of two lines; the width may shrink."""
        return QSize(64, self.sizeHint().height())


class PipelineStrip(QFrame):
    """``V → transform → PCA k → cache → decoder → V̂``, with more stages of a chosen pipeline.

    Signals
    -------
    stage_clicked : str
        One of `STAGE_KEYS`.
    """

    stage_clicked = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pipelineStrip")
        self.buttons = {key: StageButton(key, self) for key in STAGE_KEYS}
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        self._arrows: dict[str, QLabel] = {}
        for i, (key, button) in enumerate(self.buttons.items()):
            if i:
                self._arrows[key] = QLabel("→")
                self._arrows[key].setProperty("role", "muted")
                row.addWidget(self._arrows[key])
            row.addWidget(button)
            button.clicked.connect(self._on_button_clicked)
        for key in OPTIONAL_KEYS:
            self._show_button(key, shown=False)

    def show_stages(self, stages: Stages) -> None:
        """Show all stages."""
        for key, button in self.buttons.items():
            stage = getattr(stages, key)
            if stage is not None:
                button.show_stage(stage)
            self._show_button(key, shown=stage is not None)

    def _show_button(self, key: str, *, shown: bool) -> None:
        self.buttons[key].setVisible(shown)
        if key in self._arrows:
            self._arrows[key].setVisible(shown)

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, StageButton):
            self.stage_clicked.emit(sender.key)
