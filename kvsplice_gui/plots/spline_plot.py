"""The curves of a spline for chosen dimensions, over the density of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, Qt, pyqtSlot
from PyQt6.QtGui import QAction, QColor, QKeyEvent
from PyQt6.QtWidgets import QVBoxLayout

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.shapes import ScatterShape, Shape, SplineShape
from kvsplice_gui.look.theme import CAPTION_PX, Theme
from kvsplice_gui.plots.base import LABEL_MIN_HEIGHT, PlotFrame
from kvsplice_gui.plots.bounds import bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, nearest
from kvsplice_gui.plots.header import quiet_button
from kvsplice_gui.plots.knot_bar import EDIT_HELP, KnotBar
from kvsplice_gui.plots.knot_hand import KnotHand
from kvsplice_gui.plots.shape_curves import (
    MOST_DIMS,
    dim_colour,
    dimension_of,
    drawn_of,
    value_and_slope,
)
from kvsplice_gui.state.knot_edits import KnotEdits

Floats = NDArray[np.float64]

_TITLE = "Transform s(x)"
_X_LABEL = "x, value of V in one dimension"
_DENSITY_TOP = 3.2
_DENSITY_ALPHA = 46
_SCATTER_ALPHA = 150
_GHOST_ALPHA = 120


@dataclass(frozen=True)
class _Items:
    """What is drawn of one dimension."""

    curve: Any
    points: Any
    ghost: Any
    density: Any


class SplinePlot(PlotFrame):
    """Draws s(x) of each chosen dimension, or where a mixing transform sends vectors.

    While the knots can be taken hold of, `hand` says what is asked of them, and `bar` what can be
    done with the edits.
    """

    def __init__(self) -> None:
        super().__init__(
            _TITLE,
            "PCA has no transform: calibrate Spline→PCA to see its curves.",
            _X_LABEL,
        )
        self._shape: Shape | None = None
        self._ghost: Shape | None = None
        self._dims: tuple[int, ...] = ()
        self._axes = Axes.RAW
        self._density: tuple[Floats, Floats] | None = None
        self._items: list[_Items] = []
        self._identity = pg.InfiniteLine(pos=(0, 0), angle=45)
        self._identity.setZValue(-10)
        self.plot.addItem(self._identity, ignoreBounds=True)
        self._density_dims: tuple[int, ...] | None = None
        self._density_view = self._make_density_view()
        self._legend_dims: tuple[int, ...] = ()
        self._legend = pg.LegendItem(offset=(8, 4), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
        self._legend.setParentItem(self.plot.vb)
        self._edits, self._are_moved = KnotEdits(), False
        self.hand = KnotHand(self.plot, self)
        self.hand.chosen_changed.connect(self._refresh_readout)
        self._make_edit_controls()
        self.set_theme(self._theme)

    def show_shape(self, shape: Shape | None, dims: tuple[int, ...], axes: Axes = Axes.RAW) -> None:
        """Draw `shape` for `dims`, at most eight; None shows the empty-state sentence.

        The density of the data is one of raw axes: behind curves in other `axes` it is left out.
        """
        self._show_axes(axes)
        self._shape = shape
        shown = 0 if shape is None else dimension_of(shape)
        self._dims = tuple(dim for dim in dims if 0 <= dim < shown)[:MOST_DIMS]
        self._set_empty(not self._dims)
        self._redraw()
        self._put_handles()

    def _show_axes(self, axes: Axes) -> None:
        if axes is self._axes:
            return
        self._axes = axes
        where = axes.where
        self.header.title.setText(f"{_TITLE}, {where}" if where else _TITLE)
        self.plot.setLabel("bottom", f"x, value {where}" if where else _X_LABEL)
        self._show_labels(tall=self.height() >= LABEL_MIN_HEIGHT)
        self._density_view.setVisible(not where)

    def show_ghost(self, shape: Shape | None) -> None:
        """Draw the spline of the run before, dashed and faded; None takes it away."""
        self._ghost = shape
        self._draw_ghosts()

    def show_density(self, edges: Floats, counts: Floats) -> None:
        """Draw where the data lie.

        Parameters
        ----------
        edges : ndarray, shape (d, bins + 1)
            In units of V.
        counts : ndarray, shape (d, bins)
            Relative to the fullest bin of each dimension, 0 … 1.
        """
        if self._density is None or self._density[0] is not edges:
            self._density = (edges, counts)
            self._density_dims = None
            self._draw_densities()

    def show_edits(self, edits: KnotEdits, *, are_moved: bool) -> None:
        """Show whether the knots can be taken hold of, and whose; not while work moves them."""
        self._edits, self._are_moved = edits, are_moved
        self.edit_button.setChecked(edits.is_open)
        self._put_handles()

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self._density = self._ghost = None
        self._density_dims = None
        self.show_shape(None, ())

    def _make_edit_controls(self) -> None:
        self.edit_button = quiet_button("Edit knots", EDIT_HELP)
        self.edit_button.setCheckable(True)
        self.header.add_button(self.edit_button)
        self.bar = KnotBar()
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertWidget(column.indexOf(self._stack), self.bar)
        self.knot_actions = [
            QAction("Remove &knot\tDel", self),
            QAction("Add a knot &behind it", self),
        ]
        hand = self.hand
        for action, act in zip(
            self.knot_actions, (hand.remove_chosen, hand.add_beside_chosen), strict=True
        ):
            action.triggered.connect(act)
        self.menu.aboutToShow.connect(self._on_menu_about_to_show)

    @pyqtSlot()
    def _on_menu_about_to_show(self) -> None:
        for action in self.knot_actions:
            self.menu.removeAction(action)
        if self.hand.chosen is not None:
            self.menu.insertActions(self.menu.actions()[0], self.knot_actions)

    def _put_handles(self) -> None:
        edits, shape = self._edits, self._shape
        is_open = edits.is_open and not self._are_moved and isinstance(shape, SplineShape)
        dims = self._dims if edits.dim is None else (edits.dim,)
        colours = {dim: dim_colour(place) for place, dim in enumerate(self._dims)}
        drawn = shape if is_open and isinstance(shape, SplineShape) else None
        self.hand.show_knots(drawn, dims, self._dims, colours)
        self.bar.show_edits(edits, self._dims, are_moved=self._are_moved)

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys of the knots from the window's shortcuts."""
        is_key = isinstance(event, QKeyEvent) and event.type() is QEvent.Type.ShortcutOverride
        if is_key and isinstance(event, QKeyEvent) and self.hand.wants(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """Give the arrows and Delete to the chosen knot, Escape to the drag."""
        if event is None or not self.hand.press(event):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002, N802  # Qt's names
        """Go from knot to knot by Tab, and on to the next widget behind the last."""
        # Qt asks for the widgets inside it as well.
        steps = self.hasFocus() and self.hand.step(next)
        return steps or super().focusNextPrevChild(next)

    @pyqtSlot(object)
    def _on_scene_mouse_clicked(self, event: Any) -> None:  # noqa: ANN401  # pyqtgraph's event
        if not self.hand.click(event):
            super()._on_scene_mouse_clicked(event)

    def _standing_readout(self) -> str:
        return self.hand.describe()

    def _redraw(self) -> None:
        for place in range(max(len(self._dims), len(self._items))):
            self._draw_shape(place)
        self._draw_ghosts()
        self._draw_densities()
        self._fit_all()
        self._fill_legend()

    def _fit_all(self) -> None:
        if self.hand.handles.is_held:
            return  # axes that move under the hand would run away with it
        drawn = [drawn_of(self._shape, dim) for dim in self._dims]
        bounds = bounds_of([part for parts in drawn for part in parts])
        # Axes that stand still let the eye follow the curves while k moves.
        if bounds is not None and not (self._bounds and self._bounds.holds(bounds)):
            self._fit(bounds)

    def _draw_shape(self, place: int) -> None:
        items = self._items_at(place)
        curve = points = (np.empty(0), np.empty(0))
        if place < len(self._dims):
            curve, points = drawn_of(self._shape, self._dims[place])
        items.curve.setData(*curve)
        is_spline = isinstance(self._shape, SplineShape)
        colour = self._colour(place, 255 if is_spline else _SCATTER_ALPHA)
        items.points.setData(*points, size=5 if is_spline else 3, brush=colour)

    def _draw_ghosts(self) -> None:
        for place, items in enumerate(self._items):
            ghost = (np.empty(0), np.empty(0))
            if place < len(self._dims) and isinstance(self._ghost, SplineShape):
                ghost, _ = drawn_of(self._ghost, self._dims[place])
            items.ghost.setData(*ghost)

    def _draw_densities(self) -> None:
        if self._dims == self._density_dims:
            return
        self._density_dims = self._dims
        for place, items in enumerate(self._items):
            edges, counts = np.zeros(2), np.zeros(1)
            if place < len(self._dims) and self._density is not None:
                dim = self._dims[place]
                if dim < len(self._density[0]):
                    edges, counts = self._density[0][dim], self._density[1][dim]
            items.density.setData(edges, counts)

    def _items_at(self, place: int) -> _Items:
        if place == len(self._items):
            self._items.append(self._make_items(place))
        return self._items[place]

    def _make_items(self, place: int) -> _Items:
        items = _Items(
            curve=pg.PlotCurveItem(pen=pg.mkPen(dim_colour(place)), antialias=True),
            points=pg.ScatterPlotItem(pen=None, pxMode=True),
            ghost=pg.PlotCurveItem(
                pen=pg.mkPen(self._colour(place, _GHOST_ALPHA), style=Qt.PenStyle.DashLine),
                antialias=True,
            ),
            density=pg.PlotCurveItem(
                np.zeros(2),
                np.zeros(1),
                stepMode="center",
                fillLevel=0,
                pen=None,
                brush=self._colour(place, _DENSITY_ALPHA),
            ),
        )
        items.ghost.setZValue(-5)
        for item in (items.curve, items.points, items.ghost):
            self.plot.addItem(item)
        self._density_view.addItem(items.density)
        return items

    def _make_density_view(self) -> Any:  # noqa: ANN401  # pyqtgraph has no types
        # Its own view: the height of a histogram has nothing to do with s(x).
        view = pg.ViewBox(enableMouse=False, enableMenu=False)
        view.setZValue(-100)
        view.setXLink(self.plot.vb)
        view.setYRange(0, _DENSITY_TOP, padding=0)
        self.plot.scene().addItem(view)
        self.plot.vb.sigResized.connect(self._on_view_resized)
        return view

    @pyqtSlot()
    def _on_view_resized(self) -> None:
        self._density_view.setGeometry(self.plot.vb.sceneBoundingRect())
        self._density_view.linkedViewChanged(self.plot.vb, self._density_view.XAxis)

    def _colour(self, place: int, alpha: int) -> QColor:
        colour = QColor(dim_colour(place))
        colour.setAlpha(alpha)
        return colour

    def _restyle(self, theme: Theme) -> None:
        self._identity.setPen(QColor(theme.outline))
        self._legend.setLabelTextColor(QColor(theme.muted))
        self.hand.set_theme(theme)
        self._legend_dims = ()
        self._fill_legend()

    def _fill_legend(self) -> None:
        if self._dims != self._legend_dims:
            self._legend_dims = self._dims
            self._legend.clear()
            for place, dim in enumerate(self._dims):
                self._legend.addItem(self._items[place].curve, f"dim {dim}")

    def _reading_at(self, x: float, y: float) -> Reading | None:
        if self.hand.handles.is_held:
            return None  # what is in the hand is read instead
        if isinstance(self._shape, SplineShape):
            return self._spline_reading(self._shape, x, y)
        if isinstance(self._shape, ScatterShape):
            return nearest(self._scatter_series(self._shape), x, y, self._pixel())
        return None

    def _spline_reading(self, shape: SplineShape, x: float, y: float) -> Reading | None:
        values = [(dim, *value_and_slope(shape, dim, x)) for dim in self._dims]
        dim, value, slope = min(values, key=lambda one: abs(one[1] - y))
        text = f"dim {dim} · x {three_digits(x)} → s(x) {three_digits(value)}"
        return Reading(x, value, f"{text} · slope {three_digits(slope)}")

    def _scatter_series(self, shape: ScatterShape) -> list[Series]:
        return [_scatter_series(shape, dim) for dim in self._dims]


def _scatter_series(shape: ScatterShape, dim: int) -> Series:
    x, z = drawn_of(shape, dim)[1]

    def describe(index: int) -> str:
        return f"dim {dim} · x {three_digits(float(x[index]))} → {three_digits(float(z[index]))}"

    return Series(x, z, describe)
