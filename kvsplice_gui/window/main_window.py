"""The window: puts views, layout and menus together, and does what its actions ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QShowEvent,
)
from PyQt6.QtWidgets import QApplication, QFileDialog, QLabel, QMainWindow, QWidget

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.tasks.sweep import SweepRow
from kvsplice_gui.desks.activity import Desk, Workplace
from kvsplice_gui.desks.calibration import Presenter
from kvsplice_gui.desks.capture import Capturing
from kvsplice_gui.desks.frontier import FrontierDesk
from kvsplice_gui.desks.knots import KnotDesk
from kvsplice_gui.desks.memory import MEASURE, MeasuredPresenter
from kvsplice_gui.desks.quality import QualityDesk
from kvsplice_gui.desks.solve import SolveDesk
from kvsplice_gui.desks.takeaway import TakeAway, start_folder
from kvsplice_gui.desks.update import Updating
from kvsplice_gui.dialogs.about import show_about, show_method
from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.look import theme
from kvsplice_gui.look.drops import FileDrops
from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.look.errors import ErrorReport, report_of
from kvsplice_gui.look.theme import Theme
from kvsplice_gui.panels.layout import Layout
from kvsplice_gui.panels.views import Views
from kvsplice_gui.panels.work_bar import WorkBar
from kvsplice_gui.readouts import calibration as readouts
from kvsplice_gui.state import settings
from kvsplice_gui.state.session import session_of
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes, memory_spec
from kvsplice_gui.window.actions import Menus, file_filter
from kvsplice_gui.work.runner import Controller

_FIRST_SIZE = (1440, 900)
_MESSAGE_MS = 5000
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
# Of another version, docks that have come since would have no place: the layout starts afresh.
_LAYOUT_VERSION = 4
# The option of the calibration that each stage of the pipeline goes by, beside method and k.
_STAGE_FIELD = {"decoder": "recipe", "restored": "epochs"}


class MainWindow(QMainWindow):
    """KVSplice's one window.

    Parameters
    ----------
    state : State
        The truth the window shows.
    controller : Controller
        What does the work.
    remembers : bool
        Whether the next start finds session, layout and recent files.

    Signals
    -------
    problem_met : ErrorReport
        Something failed, on whichever thread; shown on the window's own.
    """

    problem_met = pyqtSignal(object)

    def __init__(self, state: State, controller: Controller, *, remembers: bool = True) -> None:
        super().__init__()
        self._dress(state.wishes)  # first: widgets that are there already keep the old font size
        self._remembers = remembers
        self.state = state
        self.controller = controller
        self.views = Views()
        self.setWindowTitle("KVSplice")
        self.resize(*_fitting_size())
        self.layout_of = Layout(self, self.views)
        self._drops = FileDrops(self.open_source, self)
        for widget in (self, *self.layout_of.docks.values()):
            self._drops.watch(widget)
        self.takeaway = TakeAway(self, state, controller, self._try, self.views.log.say)
        self.work_bar, self._verdict = WorkBar(), ElidedLabel("muted", _LEFT)
        self._lay_status()  # first to hear of work: it takes the keyboard from the button
        place = Workplace(state, controller, self.views, self.layout_of, self.takeaway)
        self.capturing = Capturing(self, state, controller, remembers=remembers)
        self.knots = KnotDesk(state, controller, self.views, self)
        self.frontier = FrontierDesk(place, self)
        self.solving = SolveDesk(place, self)
        self.quality = QualityDesk(place, self)
        self.measuring = Desk(place, MEASURE, self)
        self._measured_presenter = MeasuredPresenter(state, self.views, self)
        self.updating = Updating(place, self)
        self.presenter = Presenter(state, self.views, self)
        self.menus = Menus(self)
        self._connect_views()
        self._connect_work()
        self._apply_theme(state.wishes)
        self._restore_layout()

    def _lay_status(self) -> None:
        self._device = QLabel("engine not loaded")
        self._device.setProperty("role", "muted")
        bar = self.statusBar()
        if bar is not None:
            bar.addWidget(self._verdict, 1)
            bar.addPermanentWidget(self.work_bar)
            bar.addPermanentWidget(self._device)
        self.controller.busy_changed.connect(self.work_bar.show_busy)
        self.controller.progressed.connect(self.work_bar.show_progress)
        self.work_bar.cancel_requested.connect(self.controller.cancel)

    def _connect_views(self) -> None:
        state, views = self.state, self.views
        views.data.changed.connect(lambda changes: self._try(lambda: state.wish_data(**changes)))
        views.data.open_requested.connect(self.open_file)
        views.data.capture_requested.connect(self.capturing.show)
        views.calibration.changed.connect(lambda changes: self._try(lambda: state.wish(**changes)))
        views.memory_panel.changed.connect(self._on_memory_changed)
        views.view.dims_changed.connect(lambda dims: state.wish_view(dims=dims))
        views.view.failed.connect(self.show_error)
        views.mse.k_chosen.connect(lambda k: state.wish(k=k))
        views.change.k_chosen.connect(lambda k: state.wish(k=k))
        views.mse.log_changed.connect(lambda log: state.wish_view(log_mse=log))
        views.slopes.dim_chosen.connect(self._on_dim_chosen)
        views.table.record_chosen.connect(self._on_row_chosen)
        views.strip.stage_clicked.connect(self._on_stage_clicked)
        for key, plot in views.plots.items():
            plot.export_requested.connect(lambda key=key: self.takeaway.export_figure(key))
            plot.copy_requested.connect(lambda key=key: self.takeaway.copy_figure(key))

    def _connect_work(self) -> None:
        controller, views = self.controller, self.views
        controller.busy_changed.connect(self._show_availability)
        controller.stepped.connect(self.presenter.on_controller_stepped)
        controller.said.connect(views.log.say)
        controller.cancelled.connect(self._on_cancelled)
        controller.failed.connect(self.show_error)
        controller.loaded.connect(self._on_loaded)
        self.layout_of.docks["loss"].visibilityChanged.connect(self.presenter.on_loss_shown)
        self.updating.found.connect(self._on_found)
        self.solving.found.connect(self._on_found)
        self.problem_met.connect(self.show_error)
        self.knots.failed.connect(self.show_error)
        self.knots.changed.connect(self._show_availability)
        self.presenter.verdict_changed.connect(self._show_verdict)
        self.state.wishes_changed.connect(self._on_wishes_changed)
        self.state.findings_changed.connect(self._show_availability)

    # -- opening ------------------------------------------------------------------------------

    def open_file(self) -> None:
        """Ask for a file and open it."""
        folder = start_folder(self.state.wishes.data.source)
        path, _ = QFileDialog.getOpenFileName(self, "Open V vectors", folder, file_filter())
        if path:
            self.open_source(path)

    def open_source(self, source: object) -> None:
        """Open a file or a sample by name."""
        self.controller.open(str(source))

    @pyqtSlot()
    def _on_loaded(self) -> None:
        dataset = self.state.findings.dataset
        if dataset is None:
            return
        summary = dataset.values.summary
        if self._remembers and Path(summary.source).is_file():
            settings.add_recent_file(summary.source)
        self.setWindowTitle(f"{summary.title} — KVSplice")

    # -- small things -------------------------------------------------------------------------

    def step_k(self, by: object) -> None:
        """Move k by one, within the dimension."""
        dim = self.state.findings.dim
        if dim and isinstance(by, int):
            self.state.wish(k=min(max(1, self.state.wishes.k + by), dim))

    def toggle_log(self) -> None:
        """Switch the MSE axis between linear and logarithmic."""
        self.state.wish_view(log_mse=not self.state.wishes.view.log_mse)

    def choose_theme(self, name: object) -> None:
        """Choose light, dark or the system's theme."""
        self.state.wish_view(theme=str(name))

    def show_about(self) -> None:
        """Say what this is."""
        show_about(self)

    def show_method(self) -> None:
        """Say how the methods work, in short."""
        show_method(self)

    @pyqtSlot(object)
    def show_error(self, error: object) -> None:
        """Show an error in a dialog with its details."""
        report = error if isinstance(error, ErrorReport) else None
        if report is None and isinstance(error, BaseException):
            report = report_of(error)
        if report is not None:
            ErrorDialog(report, self).open()

    def _try(self, action: Callable[[], object], done: str = "") -> None:
        try:
            action()
        except KVSpliceError as error:
            self.show_error(error)
            self.presenter.show_all()
        else:
            if done:
                self.views.log.say(done)

    def _on_memory_changed(self, changes: dict[str, object]) -> None:
        def wish() -> None:
            wanted = replace(self.state.wishes.memory, **changes)  # type: ignore[arg-type]
            memory_spec(replace(self.state.wishes, memory=wanted), self.state.wishes.k)
            self.state.wish(memory=wanted)

        self._try(wish)

    def _on_dim_chosen(self, dim: int) -> None:
        dims = self.state.wishes.view.dims
        kept = tuple(j for j in dims if j != dim)
        new = (dim, *kept)[: len(dims)] if dim not in dims else kept or (dim,)
        self.state.wish_view(dims=new)

    def _on_row_chosen(self, row: SweepRow) -> None:
        self.state.wish(k=row.k, method=row.method)

    def _on_stage_clicked(self, key: str) -> None:
        """Open the options of a stage, and nothing else."""
        views = self.views
        panels: dict[str, QWidget] = {"values": views.data, "cache": views.memory_panel}
        own = {"transform": views.calibration.method, "pca": views.calibration.k_slider}
        if self.state.findings.frontier.point is not None and key != "values":
            self.layout_of.show_control(views.frontier_panel)
        elif key in panels:
            self.layout_of.show_control(panels[key])
        else:
            field = own.get(key) or views.calibration.fields[_STAGE_FIELD[key]].widget
            self.layout_of.show_control(views.calibration, field)

    def _on_wishes_changed(self, old: Wishes, new: Wishes) -> None:
        if old.view.theme != new.view.theme:
            self._apply_theme(new)
        self._show_availability()

    @pyqtSlot(str)
    def _on_found(self, text: str) -> None:
        bar = self.statusBar()
        if bar is not None:
            bar.showMessage(text)  # until something else is said: it is a result

    @pyqtSlot(str)
    def _on_cancelled(self, sentence: str) -> None:
        bar = self.statusBar()
        if bar is not None:
            bar.showMessage(sentence, _MESSAGE_MS)

    def _show_verdict(self, verdict: str) -> None:
        self._verdict.setText(verdict)
        self._verdict.setToolTip(verdict)

    @pyqtSlot()
    def _show_availability(self) -> None:
        self.menus.refresh()
        if self.state.findings.result is not None:
            self._device.setText(readouts.engine(self.state.findings.result))

    def _dress(self, wishes: Wishes) -> Theme:
        chosen, app = theme.resolve_theme(wishes.view.theme), QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, chosen)
        return chosen

    def _apply_theme(self, wishes: Wishes) -> None:
        chosen = self._dress(wishes)
        for plot in self.views.plots.values():
            plot.set_theme(chosen)
        self.quality.set_theme(chosen)
        self.frontier.set_theme(chosen)
        self.updating.set_theme(chosen)

    # -- start and end ------------------------------------------------------------------------

    def _restore_layout(self) -> None:
        geometry, docks = settings.load_bytes("geometry"), settings.load_bytes("docks")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        self._is_laid_out = not docks.isEmpty() and self.restoreState(docks, _LAYOUT_VERSION)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Share the space out when the window has its size for the first time."""
        super().showEvent(event)
        if not self._is_laid_out:
            self._is_laid_out = True
            QTimer.singleShot(0, self.layout_of.resize)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002, N802 - Qt's names
        """Pass by what stands in a dock behind another: Qt takes it for visible."""
        first = None
        while super().focusNextPrevChild(next):
            reached = QApplication.focusWidget()
            if reached is None or reached is first or self.layout_of.is_in_front(reached):
                return True
            first = first or reached
        return False

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Remember the session, cancel what runs, and end the thread."""
        if self._remembers:
            settings.save_bytes("geometry", self.saveGeometry())
            settings.save_bytes("docks", self.saveState(_LAYOUT_VERSION))
            settings.save_session(session_of(self.state.wishes))
        self.knots.shutdown()
        self.controller.shutdown()
        super().closeEvent(event)


def _fitting_size() -> tuple[int, int]:
    screen = QGuiApplication.primaryScreen()
    if screen is None:
        return _FIRST_SIZE
    room = screen.availableSize()
    return min(_FIRST_SIZE[0], room.width()), min(_FIRST_SIZE[1], room.height())
