"""Shows the state in the views: what changed, and only that."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.shapes import Shape
from kvsplice_core.tasks.sweep import CalibrationStep
from kvsplice_gui.panels.views import Views
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.readouts import quality as quality_readouts
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes


class Presenter(QObject):
    """From state to widgets, never back.

    Signals
    -------
    verdict_changed : str
        The sentence on the method in focus at the chosen k: MSE, and ΔNLL where measured.
    """

    verdict_changed = pyqtSignal(str)

    def __init__(self, state: State, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        self._drawn_shape: object = None
        self._is_live = False
        state.wishes_changed.connect(self._on_wishes_changed)
        state.findings_changed.connect(self._on_findings_changed)
        self.show_all()

    def show_all(self) -> None:
        """Show everything anew."""
        wishes, findings = self._state.wishes, self._state.findings
        views = self._views
        views.calibration.show_wishes(wishes)
        views.memory_panel.show_wish(wishes.memory)
        views.data.show_wish(wishes.data)
        views.view.show_dims(wishes.view.dims)
        views.mse.set_log(wishes.view.log_mse)
        self._show_k(wishes)
        self._show_rows(findings)
        self._show_focus(wishes, findings)
        self._show_memory(wishes)
        self._show_stages()

    @pyqtSlot(object, object)
    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        views, findings = self._views, self._state.findings
        if old.k != new.k:
            self._show_k(new)
            self._show_losses(new, findings)
        if old.but(k=new.k, view=new.view) != new:
            views.calibration.show_wishes(new)
        dataset = findings.dataset
        if old.data != new.data and dataset is not None and dataset.wish == new.data:
            views.data.show_dataset(dataset)
        if old.memory != new.memory:
            views.memory_panel.show_wish(new.memory)
        if old.view.dims != new.view.dims:
            views.view.show_dims(new.view.dims)
            self._drawn_shape = None
        if old.view.log_mse != new.view.log_mse:
            views.mse.set_log(new.view.log_mse)
        self._show_focus(new, findings)
        if self._memory_key(old) != self._memory_key(new):
            self._show_memory(new)
        self._show_stages()

    @pyqtSlot(object, object)
    def _on_findings_changed(self, old: Findings, new: Findings) -> None:
        if new.dataset is not old.dataset and new.dataset is not None:
            self._views.data.show_dataset(new.dataset)
            self._views.calibration.set_dim(new.dim)
            self._views.calibration.show_k(self._state.wishes.k)
            self._views.view.set_dim(new.dim)
            self._views.loss.clear()
        if new.starting_over and not old.starting_over:
            self._views.loss.clear()
        if new.result is not old.result or (old.starting_over and not new.starting_over):
            self._is_live = False
            self._show_losses(self._state.wishes, new)
        if not new.live_rows:
            self._views.mse.set_moving_point(self._state.wishes.method, 0, None)
        if _rows_differ(old, new):
            self._show_rows(new)
        self._show_focus(self._state.wishes, new)
        self._show_stages()

    @pyqtSlot(object)
    def on_controller_stepped(self, step: CalibrationStep) -> None:
        """Show a calibration while it runs."""
        views, wishes = self._views, self._state.wishes
        self._is_live = True
        if step.loss is not None:
            views.loss.append(step.method, step.k, step.epochs_done, step.loss)
        if step.test_mse is not None:
            views.mse.set_moving_point(step.method, step.k, step.test_mse)
        if step.method is wishes.method and step.k == wishes.k and step.shape is not None:
            self._draw_shape(step.shape, wishes, kinds.live_axes(self._state.findings))

    @pyqtSlot(bool)
    def on_loss_shown(self, shown: bool) -> None:
        """Bring the losses up to date when their tab comes to the front."""
        if shown:
            self._show_losses(self._state.wishes, self._state.findings)

    def _show_losses(self, wishes: Wishes, findings: Findings) -> None:
        """Show how the rows of the chosen k were learnt; while one is in work, the plot is its.

        Behind another tab it waits: a drag of k has no time for what nobody sees.
        """
        if not self._is_live and self._views.loss.isVisible():
            self._views.loss.show_losses(readouts.losses(wishes, findings))

    def _show_k(self, wishes: Wishes) -> None:
        self._views.calibration.show_k(wishes.k)
        self._views.mse.set_k(wishes.k)
        self._views.change.set_k(wishes.k)

    def _show_rows(self, findings: Findings) -> None:
        views = self._views
        curve = () if findings.result is None else findings.result.pca_curve
        views.mse.show_result(readouts.curves(findings.rows), readouts.without_rounding(curve))
        ghost = findings.shown_ghost
        views.mse.show_ghost(None if ghost is None else readouts.learnt_curves(ghost.rows))
        views.change.show_changes(readouts.changes(findings.rows))
        views.table.show_records(findings.rows)

    def _show_focus(self, wishes: Wishes, findings: Findings) -> None:
        row = readouts.focus_row(wishes, findings)
        edited = readouts.edited_shape(wishes, findings)
        shape = edited or readouts.drawn_shape(row, findings)
        if shape is None:
            self._views.splines.empty_label.setText(readouts.why_no_curves(wishes))
        last = findings.shown_ghost
        ghost = None if last is None else last.row(wishes.method, wishes.k)
        axes = Axes.RAW if edited is not None else kinds.axes_of(row)
        comparable = ghost is not None and kinds.axes_of(ghost) is axes
        self._views.splines.show_ghost(ghost.shape if comparable and ghost else None)
        if shape is not self._drawn_shape or shape is None:
            self._draw_shape(shape, wishes, axes)
            self._drawn_shape = shape

    def _draw_shape(self, shape: Shape | None, wishes: Wishes, axes: Axes) -> None:
        dims = wishes.view.dims
        dataset = self._state.findings.dataset
        if dataset is not None:
            density = dataset.density
            self._views.splines.show_density(density.edges, density.counts)
        self._views.splines.show_shape(shape, dims, axes)
        self._views.slopes.show_shape(shape, dims, axes)
        self._drawn_shape = None

    def _show_memory(self, wishes: Wishes) -> None:
        try:
            view = readouts.memory_view(wishes)
        except KVSpliceError:
            return  # the wish was refused where it was made
        self._views.memory.show_memory(view.lines, view.marker, view.formula, view.break_even)

    def _memory_key(self, wishes: Wishes) -> object:
        calibration = wishes.calibration
        codec = (wishes.k, calibration.knots, wishes.method, kinds.kind_of(calibration))
        return (wishes.memory, codec, wishes.data.pool_heads)

    def _show_stages(self) -> None:
        wishes, findings = self._state.wishes, self._state.findings
        self._views.strip.show_stages(readouts.stages(wishes, findings))
        verdicts = [readouts.verdict(wishes, findings)]
        if not readouts.is_edited(wishes, findings):  # quality was measured of what is calibrated
            verdicts.append(quality_readouts.verdict(wishes, findings))
        self.verdict_changed.emit(" · ".join(filter(None, verdicts)))


def _rows_differ(old: Findings, new: Findings) -> bool:
    """Tell whether the tables of rows changed; a knot in the hand moves a curve only."""
    parts = ("result", "ghost", "live_rows", "starting_over")
    if any(getattr(new, part) is not getattr(old, part) for part in parts):
        return True
    if new.knots.is_edited is not old.knots.is_edited:
        return True
    before, after = old.edited_rows, new.edited_rows
    return len(before) != len(after) or any(a is not b for a, b in zip(before, after, strict=True))
