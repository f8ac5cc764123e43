"""The frontier with its legend, the budget, and what is said of both."""

from __future__ import annotations

import math

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from kvsplice_core.base import formats
from kvsplice_core.base.options import option_of
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_gui.look.actions import StartButton
from kvsplice_gui.look.fields import help_of
from kvsplice_gui.look.theme import SPACING, Theme
from kvsplice_gui.plots.frontier_legend import FrontierLegend
from kvsplice_gui.plots.frontier_plot import FrontierPlot
from kvsplice_gui.plots.notice import Notice
from kvsplice_gui.readouts.solve import BY_BITS
from kvsplice_gui.state.wishes import LEAST_BUDGET, MOST_BUDGET, FrontierWish

_STEPS = 60
"""Steps of the slider: 20 for each doubling of the bits, as the plot's axis is drawn."""


class FrontierView(QWidget):
    """Plot and legend over the budget slider and two sentences.

    Signals
    -------
    budget_chosen : float
        Bits per value a hand chose.
    """

    budget_chosen = pyqtSignal(float)

    def __init__(self, plot: FrontierPlot) -> None:
        super().__init__()
        self.plot, self.legend = plot, FrontierLegend()
        self.notice = Notice()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.budget_label, self.best, self.verdict = QLabel(), QLabel(), QLabel()
        self.left_out, self.solved = QLabel(), QLabel()
        self.solve_button = StartButton(BY_BITS)
        # What stands beside it must not move when it is called otherwise.
        self.solve_button.setMinimumWidth(self.solve_button.sizeHint().width())
        self._solved_bits: float | None = None
        self._can_slide = False
        self._marks: tuple[float, ...] = ()
        self._lay_out()
        self.legend.pipeline_clicked.connect(self._on_legend_pipeline_clicked)
        self.slider.valueChanged.connect(self._on_slider_value_changed)
        self.plot.budget_chosen.connect(lambda bits: self.budget_chosen.emit(rounded(bits)))
        self.say("", "")
        self.show_left_out("", "")
        self.set_marks(())
        self.show_solved(None, "")

    def _lay_out(self) -> None:
        parameter = option_of(FrontierWish, "budget")
        name = QLabel(parameter.label)
        name.setBuddy(self.slider)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(f"{parameter.label}, bits per value")
        for widget in (name, self.slider, self.budget_label):
            widget.setToolTip(help_of(parameter))
        self.budget_label.setProperty("role", "value")
        self.budget_label.setMinimumWidth(64)
        self.left_out.setProperty("role", "caption")
        for label in (self.best, self.verdict, self.solved):
            label.setWordWrap(True)
            label.setMinimumWidth(1)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        upper, budget, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        upper.setSpacing(0)
        upper.addWidget(self.plot, 1)
        upper.addWidget(self.legend)
        budget.setContentsMargins(SPACING, 0, SPACING, 0)
        budget.setSpacing(SPACING)
        parts = (name, self.slider, self.budget_label, self.solve_button, self.left_out)
        for part in parts:
            budget.addWidget(part, int(part is self.slider))
        words = QVBoxLayout()
        words.setContentsMargins(SPACING, 0, SPACING, SPACING // 2)
        words.setSpacing(2)
        words.addWidget(self.best)
        words.addWidget(self.verdict)
        words.addWidget(self.solved)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 4)
        column.addWidget(self.notice)
        column.addLayout(upper, 1)
        column.addLayout(budget)
        column.addLayout(words)

    def set_theme(self, theme: Theme) -> None:
        """Draw the legend in the colours of `theme`; the plot is told with all plots."""
        self.legend.set_theme(theme)

    def set_budget(self, bits: float) -> None:
        """Show a budget in slider, label and plot; emits nothing."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(_STEPS / 3 * math.log2(within_slider(bits))))
        self.budget_label.setText(formats.with_unit(f"{bits:.3g}", "bits"))
        self.slider.setAccessibleDescription(f"{bits:.3g} bits per value")
        self.plot.set_budget(bits)

    def set_marks(self, bits: tuple[float, ...]) -> None:
        """Let the slider catch at the measured budgets; it needs those, or something to solve."""
        self._marks = bits
        self.slider.setEnabled(bool(bits) or self._can_slide)

    def say(self, best: str, verdict: str) -> None:
        """Say what is best at the budget, and the verdict on the chosen point."""
        for label, text in ((self.best, best), (self.verdict, verdict)):
            label.setText(text)
            label.setToolTip(text)
            label.setVisible(bool(text))

    def show_capture(self, *, has_capture: bool) -> None:
        """Let the slider move where there is a model that a budget can be solved for."""
        self._can_slide = has_capture
        self.set_marks(self._marks)

    def show_solved(self, bits: float | None, verdict: str) -> None:
        """Say what was found; the slider catches at the budget that was solved for."""
        self._solved_bits = bits
        self.solved.setText(verdict)
        self.solved.setToolTip(verdict)
        self.solved.setVisible(bool(verdict))

    def show_left_out(self, text: str, reasons: str) -> None:
        """Say how many points are missing; the tooltip says why."""
        self.left_out.setText(text)
        self.left_out.setToolTip(reasons)
        self.left_out.setVisible(bool(text))

    def _on_slider_value_changed(self, step: int) -> None:
        bits = 2 ** (3 * step / _STEPS)
        if self._solved_bits is not None and _is_near(within_slider(self._solved_bits), bits):
            self.budget_chosen.emit(self._solved_bits)  # beyond an end it lies at the end
            return
        near = [mark for mark in self._marks if _is_near(mark, bits)]
        self.budget_chosen.emit(near[0] if near else rounded(bits))

    def _on_legend_pipeline_clicked(self, pipeline: Pipeline) -> None:
        own = [point for point in self.plot.points if point.pipeline == pipeline]
        bits = 2 ** (3 * self.slider.value() / _STEPS)
        if own:
            self.plot.point_chosen.emit(min(own, key=lambda point: abs(point.bits - bits)))


def _is_near(mark: float, bits: float) -> bool:
    return abs(math.log2(mark / bits)) <= 1.5 / _STEPS


def within_slider(bits: float) -> float:
    """Return a budget, or the slider's end that is nearest to it."""
    return min(max(bits, LEAST_BUDGET), MOST_BUDGET)


def rounded(bits: float) -> float:
    """Return a budget within the slider's ends, to a twentieth of a bit."""
    return within_slider(round(20 * bits) / 20)
