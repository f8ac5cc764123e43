"""What all plots share: title row, empty state, crosshair, keys, menu and restyling."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QContextMenuEvent, QCursor, QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import QApplication, QMenu, QStackedWidget, QVBoxLayout, QWidget

from kvsplice_gui.look.theme import CAPTION_PX, LIGHT, SPACING, Theme
from kvsplice_gui.plots.axis import TickerAxis
from kvsplice_gui.plots.bounds import Bounds
from kvsplice_gui.plots.crosshair import Crosshair, Reading
from kvsplice_gui.plots.header import EmptyLabel, PlotHeader

_ARROWS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
LABEL_MIN_HEIGHT = 25 * SPACING
_FAR = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class PlotFrame(QWidget):
    """A plot with its title row.

    Drag pans, the wheel zooms, a double click or Home shows everything again, L changes
    between log and linear. Subclasses fill `plot` and override the methods without a body.

    Parameters
    ----------
    title : str
        What the plot shows, with the unit.
    empty_sentence : str
        Shown while there is nothing to draw.
    x_label : str
        What the horizontal axis is, with the unit.
    has_log : bool
        Whether the values may be drawn in a logarithmic scale.

    Attributes
    ----------
    export_requested, copy_requested : signal ()
        The figure is wanted as a file, or on the clipboard.
    log_changed : signal (bool)
        The scale was changed by hand.
    """

    _padding = 0.04

    export_requested = pyqtSignal()
    copy_requested = pyqtSignal()
    log_changed = pyqtSignal(bool)

    def __init__(
        self, title: str, empty_sentence: str, x_label: str = "", *, has_log: bool = False
    ) -> None:
        super().__init__()
        self._theme = LIGHT
        self._bounds: Bounds | None = None
        self._follows_data = True
        self._is_linked = False
        self._log = False
        self._has_log = has_log
        self._has_x_label = bool(x_label)
        self._clicked = (0.0, 0.0)
        self._click_timer = QTimer(self)
        self._click_timer.setSingleShot(True)
        self._click_timer.timeout.connect(self._on_click_timer_timeout)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        self.menu = self._make_menu()
        self.header = PlotHeader(title, self.menu, has_log)
        self.header.log_button.clicked.connect(self._on_log_clicked)
        self.axes = {side: TickerAxis(side) for side in ("left", "bottom")}
        self.view = self._make_view()
        self.plot: Any = self.view.getPlotItem()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.disableAutoRange()
        self.plot.vb.sigRangeChangedManually.connect(self._on_range_changed_by_hand)
        for axis in self.axes.values():
            # The grid is the axis's, and belongs behind the data.
            axis.setZValue(-1000)
        if x_label:
            self.plot.setLabel("bottom", x_label, **{"font-size": f"{CAPTION_PX}px"})
        self.crosshair = Crosshair(self.plot)
        self.empty_label = EmptyLabel(empty_sentence)
        self._stack = QStackedWidget()
        self._lay_out()

    @property
    def is_log(self) -> bool:
        """Whether the values are drawn in a logarithmic scale."""
        return self._log

    @property
    def is_empty(self) -> bool:
        """Whether the empty-state sentence is shown."""
        return self._stack.currentWidget() is self.empty_label

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.view.setBackground(theme.base)
        for axis in self.axes.values():
            axis.set_theme(theme)
        self.crosshair.set_theme(theme)
        self._restyle(theme)

    def set_log(self, log: bool) -> None:
        """Draw the values in a logarithmic or linear scale; emits nothing."""
        log = log and self._has_log
        if log != self._log:
            self._log = log
            self.header.log_button.setChecked(log)
            self._leave()
            self._redraw()
            self.reset_view()

    def link_x(self, other: PlotFrame) -> None:
        """Keep the horizontal axis the same as that of `other`."""
        self.plot.setXLink(other.plot)
        self._is_linked = True

    def reset_view(self) -> None:
        """Show everything again."""
        self._follows_data = True
        if self._bounds is not None:
            self._fit(self._bounds)

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self._set_empty(True)

    # What a subclass overrides --------------------------------------------------------------

    def _restyle(self, theme: Theme) -> None:
        """Give the items the colours of `theme`."""

    def _redraw(self) -> None:
        """Draw the data again, in the present scale."""

    def _reading_at(self, x: float, y: float) -> Reading | None:
        """Return what is under the pointer."""

    def _standing_readout(self) -> str:
        """Return what the title row says while nothing is pointed at."""
        return ""

    def _click_at(self, x: float, _y: float) -> None:
        """Answer a click."""

    def _step(self, direction: int, far: bool) -> None:
        """Answer an arrow key: −1 or 1, `far` with Ctrl or Shift."""

    def _show_labels(self, tall: bool) -> None:
        """Show what takes room only where there is some."""
        self.axes["bottom"].showLabel(tall and self._has_x_label)

    # For subclasses -------------------------------------------------------------------------

    def _set_empty(self, empty: bool) -> None:
        self._stack.setCurrentWidget(self.empty_label if empty else self.view)
        self._leave()

    def _fit(self, bounds: Bounds) -> None:
        """Show all of `bounds`, unless the view was moved by hand."""
        # pyqtgraph's own ranging asks every item, and only once it paints: twice the frames.
        self._bounds = bounds
        if self._follows_data:
            x_range = None if self._is_linked else (bounds.left, bounds.right)
            self.plot.vb.setRange(
                xRange=x_range, yRange=(bounds.bottom, bounds.top), padding=self._padding
            )
            # Otherwise the transforms change while it paints, and it paints a second time.
            self.plot.scene().prepareForPaint()

    def _pixel(self) -> tuple[float, float]:
        """Return the width and height of a pixel in the coordinates of the view."""
        width, height = self.plot.vb.viewPixelSize()
        return abs(width) or 1.0, abs(height) or 1.0

    def _refresh_readout(self) -> None:
        if not self.crosshair.is_visible:
            self.header.set_readout("" if self.is_empty else self._standing_readout())

    # Making it ------------------------------------------------------------------------------

    def _make_view(self) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        view = pg.PlotWidget(axisItems=self.axes)
        # Focus and keys belong to the frame, which shows that it has them.
        view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        view.scene().sigMouseMoved.connect(self._on_scene_mouse_moved)
        view.scene().sigMouseClicked.connect(self._on_scene_mouse_clicked)
        view.viewport().installEventFilter(self)
        return view

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("&Copy figure", self.copy_requested)
        menu.addAction("&Export…", self.export_requested)
        menu.addAction("&Reset view\tHome", self.reset_view)
        return menu

    def _lay_out(self) -> None:
        self._stack.addWidget(self.empty_label)
        self._stack.addWidget(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self._stack, stretch=1)
        self.setMinimumSize(20 * SPACING, 12 * SPACING)

    # Answering the hand ---------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """L, Home and the arrows; everything else goes on to the window."""
        if event is None:
            return
        key = event.key()
        if key == Qt.Key.Key_L and self._has_log and not event.modifiers():
            self._on_log_clicked(not self._log)
        elif key == Qt.Key.Key_Home:
            self.reset_view()
        elif key in _ARROWS:
            self._step(_ARROWS[Qt.Key(key)], bool(event.modifiers() & _FAR))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  # Qt's name
        """Leave labels out where the plot is low."""
        super().resizeEvent(event)
        self._show_labels(self.height() >= LABEL_MIN_HEIGHT)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: N802  # Qt's name
        """Open the menu by its key; the mouse opens it by a click that is not a drag."""
        if event is not None and event.reason() is QContextMenuEvent.Reason.Keyboard:
            self.menu.popup(self.mapToGlobal(QPoint(SPACING, SPACING)))

    def eventFilter(  # noqa: N802  # Qt's name
        self, watched: QObject | None, event: QEvent | None
    ) -> bool:
        """Take the crosshair away when the pointer leaves the plot."""
        if event is not None and event.type() is QEvent.Type.Leave:
            self._leave()
        return super().eventFilter(watched, event)

    def _leave(self) -> None:
        self.crosshair.hide()
        self._refresh_readout()

    @pyqtSlot(bool)
    def _on_log_clicked(self, log: bool) -> None:
        self.set_log(log)
        self.log_changed.emit(log)

    @pyqtSlot(object)
    def _on_range_changed_by_hand(self, _: object) -> None:
        self._follows_data = False

    @pyqtSlot(object)
    def _on_scene_mouse_moved(self, position: Any) -> None:  # noqa: ANN401  # a QPointF
        inside = self.plot.vb.sceneBoundingRect().contains(position)
        point = self.plot.vb.mapSceneToView(position)
        reading = self._reading_at(point.x(), point.y()) if inside else None
        if reading is None:
            self._leave()
        else:
            self.crosshair.show(reading)
            self.header.set_readout(reading.text)

    @pyqtSlot(object)
    def _on_scene_mouse_clicked(self, event: Any) -> None:  # noqa: ANN401  # pyqtgraph's event
        if event.button() is Qt.MouseButton.RightButton:
            self.menu.popup(QCursor.pos())
        elif event.double():
            self._click_timer.stop()
            self.reset_view()
        elif self.plot.vb.sceneBoundingRect().contains(event.scenePos()):
            point = self.plot.vb.mapSceneToView(event.scenePos())
            self._clicked = point.x(), point.y()
            # The first click of two must do nothing: it is known too late to be taken back.
            self._click_timer.start(QApplication.doubleClickInterval())

    @pyqtSlot()
    def _on_click_timer_timeout(self) -> None:
        self._click_at(*self._clicked)
