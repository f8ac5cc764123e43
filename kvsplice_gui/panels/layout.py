"""Where everything stands: docks that can be moved, and the way back."""

from __future__ import annotations

from itertools import pairwise

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from kvsplice_gui.panels.views import Views

CONTROLS_WIDTH = 316
_WIDEST_CONTROLS = 400


class Layout:
    """The docks of the window."""

    def __init__(self, window: QMainWindow, views: Views) -> None:
        self._window = window
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.controls_area = _scrolled(
            views.data,
            views.calibration,
            views.frontier_panel,
            views.solve_panel,
            views.quality_panel,
            views.memory_panel,
            views.view,
        )
        self.docks = self._make_docks(views)
        self._add_strip(views.strip)
        self.reset()

    def _make_docks(self, views: Views) -> dict[str, QDockWidget]:
        mse = _split(Qt.Orientation.Vertical, (views.mse, 3), (views.change, 2))
        audit = _split(Qt.Orientation.Horizontal, (views.evaluation, 2), (views.audit, 3))
        return {
            "controls": self._dock("Controls", self.controls_area),
            "splines": self._dock("Spline shapes", views.splines, views.splines.header),
            "slopes": self._dock("Slope map", views.slopes, views.slopes.header),
            "loss": self._dock("Loss", views.loss, views.loss.header),
            "mse": self._dock("MSE vs k", mse, views.mse.header),
            "frontier": self._dock("Frontier", views.frontier_view, views.frontier.header),
            "memory": self._dock("Cache memory", views.memory, views.memory.header),
            "quality": self._dock("Quality", views.quality, views.quality.header),
            "sensitivity": self._dock("Sensitivity", views.sensitivity, views.sensitivity.header),
            "given": self._dock("Given bits", views.given, views.given.header),
            "results": self._dock("Results", views.table, QWidget()),
            "points": self._dock("Frontier points", views.frontier_table, QWidget()),
            "audit": self._dock("Audit", audit, QWidget()),
            "heads": self._dock("Heads", views.heads, QWidget()),
            "continuation": self._dock("Continuation", views.continuation, QWidget()),
            "measured": self._dock("Measured memory", views.measured, QWidget()),
            "log": self._dock("Log", views.log, QWidget()),
        }

    def reset(self) -> None:
        """Bring every dock back to its place."""
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        docks = self.docks
        for dock in docks.values():
            dock.setFloating(False)
            # Taken out first: Qt leaves tab bars of half a layout standing about.
            self._window.removeDockWidget(dock)
        self._window.addDockWidget(left, docks["controls"])
        self._window.addDockWidget(right, docks["splines"])
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self._window.splitDockWidget(docks["splines"], docks["results"], vertical)
        self._window.splitDockWidget(docks["splines"], docks["mse"], horizontal)
        self._window.splitDockWidget(docks["splines"], docks["slopes"], vertical)
        self._window.splitDockWidget(docks["mse"], docks["memory"], vertical)
        # Eleven lines need the tallest place there is.
        self._window.tabifyDockWidget(docks["mse"], docks["frontier"])
        self._window.tabifyDockWidget(docks["slopes"], docks["loss"])
        self._window.tabifyDockWidget(docks["loss"], docks["sensitivity"])
        self._window.tabifyDockWidget(docks["sensitivity"], docks["given"])
        self._window.tabifyDockWidget(docks["memory"], docks["quality"])
        bottom = ("results", "points", "audit", "heads", "continuation", "measured", "log")
        for before, after in pairwise(bottom):
            self._window.tabifyDockWidget(docks[before], docks[after])
        for dock in docks.values():
            dock.show()
        for front in ("slopes", "results", "memory", "mse"):
            docks[front].raise_()
        self.resize()

    def resize(self) -> None:
        """Share the space out: plots first."""
        docks, height = self.docks, max(480, self._window.height() - 130)
        width = max(640, self._window.width() - CONTROLS_WIDTH)
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        columns = [docks["controls"], docks["splines"], docks["mse"]]
        self._window.resizeDocks(
            columns, [CONTROLS_WIDTH, width * 45 // 100, width * 55 // 100], horizontal
        )
        rows = [height * 40 // 100, height * 35 // 100, height * 25 // 100]
        self._window.resizeDocks(
            [docks["splines"], docks["slopes"], docks["results"]], rows, vertical
        )
        self._window.resizeDocks(
            [docks["mse"], docks["memory"]], [height * 45 // 100, height * 30 // 100], vertical
        )

    def show_dock(self, key: str) -> None:
        """Bring a dock to the front."""
        self.docks[key].show()
        self.docks[key].raise_()

    def make_room(self, key: str) -> None:
        """Give a dock of the right-hand column most of its height."""
        docks, height = self.docks, max(480, self._window.height() - 130)
        if not docks[key].isFloating():
            self._window.resizeDocks(
                [docks[key], docks["memory"]],
                [height * 52 // 100, height * 23 // 100],
                Qt.Orientation.Vertical,
            )

    def is_in_front(self, widget: QWidget) -> bool:
        """Tell whether the dock that holds `widget`, if any does, is not behind another."""
        holder = next((dock for dock in self.docks.values() if dock.isAncestorOf(widget)), None)
        return holder is None or not holder.visibleRegion().isEmpty()

    def show_control(self, panel: QWidget, field: QWidget | None = None) -> None:
        """Scroll a panel of the controls into view; put the keyboard on `field`, or its first."""
        self.show_dock("controls")
        self.controls_area.ensureWidgetVisible(panel, 0, 0)
        first = next((w for w in panel.findChildren(QWidget) if _takes_focus(w)), panel)
        chosen = field if field is not None and _takes_focus(field) else first
        self.controls_area.ensureWidgetVisible(chosen, 0, 0)
        chosen.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _dock(self, title: str, widget: QWidget, bar: QWidget | None = None) -> QDockWidget:
        dock = QDockWidget(title, self._window)
        dock.setObjectName(f"dock{title.title().replace(' ', '')}")
        dock.setWidget(widget)
        if bar is not None:
            # A plot's own header is the handle to move it by; a second title would say it twice.
            dock.setTitleBarWidget(bar)
        return dock

    def _add_strip(self, strip: QWidget) -> None:
        bar = QToolBar("Pipeline", self._window)
        bar.setObjectName("pipelineBar")
        bar.setMovable(False)
        bar.addWidget(strip)
        self._window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)


def _split(direction: Qt.Orientation, *shares: tuple[QWidget, int]) -> QSplitter:
    splitter = QSplitter(direction)
    for place, (widget, share) in enumerate(shares):
        splitter.addWidget(widget)
        splitter.setStretchFactor(place, share)
    splitter.setChildrenCollapsible(False)
    return splitter


def _scrolled(*panels: QWidget) -> QScrollArea:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(8, 8, 8, 8)
    column.setSpacing(8)
    for panel in panels:
        column.addWidget(panel)
    column.addStretch(1)
    area = QScrollArea()
    area.setWidget(holder)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(CONTROLS_WIDTH)
    area.setMaximumWidth(_WIDEST_CONTROLS)
    return area


def _takes_focus(widget: QWidget) -> bool:
    return widget.isEnabled() and widget.focusPolicy() == Qt.FocusPolicy.StrongFocus
