"""Mouse and keys on the spline plot, turned into what is asked of which knot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_gui.look.theme import LIGHT, Theme
from kvsplice_gui.plots.knot_handles import REACH_PX, KnotHandles
from kvsplice_gui.plots.shape_curves import value_and_slope

_NUDGES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}
_NUDGE_PX = 2
_FAR_PX = 20
_REMOVE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


@dataclass(frozen=True)
class Knot:
    """Which knot of which dimension; repeated knots are their first."""

    dim: int
    index: int


class KnotHand(QObject):
    """What a hand does to knots; it moves none by itself.

    Signals
    -------
    moved : (Knot, float, float)
        A knot in the hand is wanted at x, s(x).
    dropped, cancelled
        It was let go; the drag was called off.
    nudged : (Knot, float, float)
        A knot is wanted at x, s(x) by the keys.
    added : (int, float)
        A knot is wanted on the curve of a dimension, at x.
    removed : Knot
    dim_chosen : int
        The curve of another dimension was clicked.
    chosen_changed
        Another knot was chosen, or none.
    """

    moved = pyqtSignal(object, float, float)
    dropped = pyqtSignal()
    cancelled = pyqtSignal()
    nudged = pyqtSignal(object, float, float)
    added = pyqtSignal(int, float)
    removed = pyqtSignal(object)
    dim_chosen = pyqtSignal(object)
    chosen_changed = pyqtSignal()

    def __init__(self, plot: Any, parent: QObject) -> None:  # noqa: ANN401  # pyqtgraph's plot
        super().__init__(parent)
        self._vb = plot.vb
        self._shape: SplineShape | None = None
        self._shown: tuple[int, ...] = ()
        self._colours: dict[int, str] = {}
        self._knots: list[Knot] = []
        self._chosen: Knot | None = None
        self._theme = LIGHT
        self.handles = KnotHandles()
        plot.addItem(self.handles, ignoreBounds=True)
        self.handles.taken.connect(self._on_handles_taken)
        self.handles.dragged.connect(self._on_handles_dragged)
        self.handles.dropped.connect(self.dropped)

    @property
    def is_open(self) -> bool:
        """Whether there are knots to take hold of."""
        return bool(self._knots)

    @property
    def chosen(self) -> Knot | None:
        """The knot the keys move."""
        return self._chosen

    def show_knots(
        self,
        shape: SplineShape | None,
        dims: tuple[int, ...],
        shown: tuple[int, ...],
        colours: dict[int, str],
    ) -> None:
        """Put handles on the knots of `dims`; None takes them away.

        Parameters
        ----------
        shape : SplineShape or None
            The curves.
        dims : tuple of int
            Whose knots can be taken.
        shown : tuple of int
            Whose curves are drawn: a click on another one's chooses it.
        colours : dict of int to str
            Colour of each dimension that is shown.
        """
        was_closed = self._shape is None
        self._shape, self._shown, self._colours = shape, shown, colours
        if shape is None and was_closed:
            return  # a drag of k has no time for handles that nobody holds
        self._knots = [] if shape is None else _distinct(shape, dims)
        if self._chosen not in self._knots:
            self._choose_instead()
        if shape is None:
            self.handles.let_go()
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._draw()

    def choose(self, knot: Knot | None) -> None:
        """Choose the knot the keys move."""
        if knot != self._chosen:
            self._chosen = knot
            self._draw()
            self.chosen_changed.emit()

    def choose_near(self, dim: int, x: float) -> None:
        """Choose the knot of a dimension that is nearest to x."""
        own = [knot for knot in self._knots if knot.dim == dim]
        if own:
            self.choose(min(own, key=lambda knot: abs(self._place(knot)[0] - x)))

    def describe(self) -> str:
        """Return what the title row says of the chosen knot; empty without one."""
        if self._chosen is None or self._shape is None:
            return ""
        x, z = self._place(self._chosen)
        name = f"dim {self._chosen.dim} · knot {self._chosen.index}"
        return f"{name} · x {three_digits(x)} → {three_digits(z)}"

    # Mouse ----------------------------------------------------------------------------------

    def click(self, event: Any) -> bool:  # noqa: ANN401  # pyqtgraph's event
        """Answer a click; tell whether the plot is to leave it alone."""
        if not self.is_open or not self._vb.sceneBoundingRect().contains(event.scenePos()):
            return False
        point = self._vb.mapSceneToView(event.scenePos())
        x, y = point.x(), point.y()
        near = self.handles.nearest(x, y)
        if near is not None:
            self.choose(self._knots[near])
            return event.button() is not Qt.MouseButton.RightButton
        if event.button() is not Qt.MouseButton.LeftButton:
            return False
        dim = self._curve_near(x, y)
        if dim is None:
            return False
        if event.double():
            self.added.emit(dim, x)
        elif dim not in {knot.dim for knot in self._knots}:
            self.dim_chosen.emit(dim)
        return True

    def _curve_near(self, x: float, y: float) -> int | None:
        """Return the curve within reach of a point, those with handles first."""
        shape = self._shape
        if shape is None:
            return None
        open_dims = {knot.dim for knot in self._knots}
        height = abs(self._vb.viewPixelSize()[1]) or 1.0
        near = []
        for dim in self._shown:
            value, slope = value_and_slope(shape, dim, x)
            # Across the curve rather than straight down: steep ones are hit as well.
            run = slope * (abs(self._vb.viewPixelSize()[0]) or 1.0) / height
            away = abs(value - y) / height / np.hypot(1.0, run)
            near.append((dim not in open_dims, away, dim))
        within = [one for one in near if one[1] <= REACH_PX]
        return min(within)[2] if within else None

    def _on_handles_taken(self, place: int) -> None:
        self.choose(self._knots[place])

    def _on_handles_dragged(self, x: float, y: float) -> None:
        if self._chosen is not None:
            self.moved.emit(self._chosen, x, y)

    # Keys -----------------------------------------------------------------------------------

    def wants(self, event: QKeyEvent) -> bool:
        """Tell whether a key is for the knots, even where the window has a use for it."""
        if event.key() == Qt.Key.Key_Escape:
            return self.handles.is_held
        plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        return self._chosen is not None and plain and event.key() in (*_NUDGES, *_REMOVE)

    def press(self, event: QKeyEvent) -> bool:
        """Answer a key; tell whether it was for the knots."""
        if not self.wants(event):
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.handles.let_go()
            self.cancelled.emit()
        elif event.key() in _REMOVE:
            self.remove_chosen()
        elif self._chosen is not None:
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._nudge(self._chosen, *_NUDGES[Qt.Key(event.key())], far)
        return True

    def step(self, forward: bool) -> bool:
        """Choose the next knot, or the one before; tell whether there was one."""
        if not self._knots:
            return False
        at = self._knots.index(self._chosen) if self._chosen in self._knots else None
        if at is None:
            at = -1 if forward else len(self._knots)
        at += 1 if forward else -1
        if not 0 <= at < len(self._knots):
            return False
        self.choose(self._knots[at])
        return True

    def remove_chosen(self) -> None:
        """Ask for the chosen knot to be removed."""
        if self._chosen is not None:
            self.removed.emit(self._chosen)

    def add_beside_chosen(self) -> None:
        """Ask for a knot in the middle of the segment behind the chosen knot."""
        if self._chosen is None or self._shape is None:
            return
        row = self._shape.knots_in[self._chosen.dim]
        x = row[self._chosen.index]
        beyond, before = row[row > x], row[row < x]
        other = beyond[0] if len(beyond) else before[-1]
        self.added.emit(self._chosen.dim, float(x + other) / 2)

    def _nudge(self, knot: Knot, right: int, up: int, far: bool) -> None:
        pixels = _FAR_PX if far else _NUDGE_PX
        width, height = (abs(size) or 1.0 for size in self._vb.viewPixelSize())
        x, z = self._place(knot)
        self.nudged.emit(knot, x + right * pixels * width, z + up * pixels * height)

    # Drawing --------------------------------------------------------------------------------

    def _choose_instead(self) -> None:
        """Let the choice fall on what has taken the place of a knot that is gone."""
        gone, self._chosen = self._chosen, None
        own = [k for k in self._knots if gone is not None and k.dim == gone.dim]
        if own and gone is not None:
            self._chosen = min(own, key=lambda knot: abs(knot.index - gone.index))
        self.chosen_changed.emit()

    def _place(self, knot: Knot) -> tuple[float, float]:
        assert self._shape is not None
        at = knot.dim, knot.index
        return float(self._shape.knots_in[at]), float(self._shape.knots_out[at])

    def _draw(self) -> None:
        places = np.array([self._place(knot) for knot in self._knots]).reshape(-1, 2)
        colours = [self._colours.get(knot.dim, self._theme.muted) for knot in self._knots]
        chosen = self._knots.index(self._chosen) if self._chosen in self._knots else None
        self.handles.show_places(places[:, 0], places[:, 1], colours, chosen, self._theme)


def _distinct(shape: SplineShape, dims: tuple[int, ...]) -> list[Knot]:
    """Return the knots of `dims`, repeated ones once."""
    found = []
    for dim in dims:
        first = np.unique(shape.knots_in[dim], return_index=True)[1]
        found += [Knot(dim, int(index)) for index in first]
    return found
