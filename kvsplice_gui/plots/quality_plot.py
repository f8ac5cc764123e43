"""What compression costs the model over k, with intervals over documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeyEvent

from kvsplice_core.base.formats import three_digits
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.look.theme import CAPTION_PX, Theme
from kvsplice_gui.plots.bounds import Bounds, bounds_of
from kvsplice_gui.plots.crosshair import Reading, Series, nearest
from kvsplice_gui.plots.header import quiet_button
from kvsplice_gui.plots.k_plot import KPlot
from kvsplice_gui.plots.notice import Notice
from kvsplice_gui.plots.quality_items import CurveItems, GhostLines, QualityScale, faded
from kvsplice_gui.plots.ticks import decade_ticks, linear_ticks
from kvsplice_gui.readouts.quality import QualityCurve
from kvsplice_gui.readouts.quality_words import MEASURE_NAMES, UNIT, against_pca, is_tie

Floats = NDArray[np.float64]

_EMPTY = (
    "Capture V from gpt2-mini (Ctrl+N) and press Measure quality to see what each k costs "
    "in nats per token."
)
_STALE_ALPHA = 150
_DODGE = 0.035
_DISAGREE = "the four errors order the methods differently: look at the tensor view"


class QualityPlot(KPlot):
    """Draws one line per method; hollow points tie with PCA, or at the floor of a log axis are ≤ 0.

    Attributes
    ----------
    measure_changed : signal (str)
        ``nll`` or ``kl`` was chosen by hand.
    """

    measure_changed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__(f"ΔNLL, {UNIT}", _EMPTY, has_log=True)
        self._measure = "nll"
        self._curves: dict[Method, QualityCurve] = {}
        self._ghost: dict[Method, QualityCurve] = {}
        self._marked: tuple[int, ...] = ()
        self._is_valid, self._is_stale = True, False
        self._scale = QualityScale(log=False)
        self._series: list[Series] = []
        self._items: dict[Method, CurveItems] = {}
        self._ghost_lines = GhostLines(self.plot)
        self._legend_names: tuple[str, ...] = ()
        self._legend = pg.LegendItem(offset=(8, -8), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
        self._legend.setParentItem(self.plot.vb)
        self._zero_line = pg.InfiniteLine(angle=0, pos=0)
        self._marks = pg.ScatterPlotItem(size=11, symbol="d")
        self._marks.setZValue(25)
        self.plot.addItem(self._zero_line, ignoreBounds=True)
        self.plot.addItem(self._marks)
        self.notice = Notice()
        self._add_to_frame()
        self.set_log(True)
        self.set_theme(self._theme)

    def _add_to_frame(self) -> None:
        self.kl_button = quiet_button("KL", "KL(base ‖ compressed) instead of ΔNLL (K)")
        self.kl_button.setCheckable(True)
        self.kl_button.clicked.connect(self._on_kl_clicked)
        self.header.add_button(self.kl_button)
        layout = self.layout()
        if layout is not None:
            layout.removeWidget(self._stack)
            layout.addWidget(self.notice)
            layout.addWidget(self._stack)

    def show_curves(
        self,
        curves: Mapping[Method, QualityCurve],
        *,
        valid: bool = True,
        stale: bool = False,
        disagreements: Iterable[int] = (),
        largest_k: int = 1,
    ) -> None:
        """Draw what the methods cost.

        Parameters
        ----------
        curves : mapping of Method to QualityCurve
            In nats per token, k ascending.
        valid : bool
            Whether the audit passed; if not, points are crosses and there are no lines.
        stale : bool
            Whether settings have changed since; drawn faded.
        disagreements : iterable of int
            Every k at which the four errors order the methods differently.
        largest_k : int
            The largest k that may be chosen.
        """
        self._curves = {method: curves[method] for method in Method if method in curves}
        self._is_valid, self._is_stale = valid, stale
        self._marked = tuple(disagreements)
        self._set_ks((int(k) for curve in self._curves.values() for k in curve.ks), largest_k)
        self._set_empty(not self._curves)
        self._redraw()

    def show_ghost(self, curves: Mapping[Method, QualityCurve]) -> None:
        """Draw the run before, dashed and faded; an empty mapping takes it away."""
        self._ghost = dict(curves)
        self._redraw()

    def set_measure(self, measure: str) -> None:
        """Name the axis after ``nll`` or ``kl``; emits nothing."""
        self._measure = measure
        self.kl_button.setChecked(measure == "kl")
        self.header.title.setText(f"{MEASURE_NAMES[measure]}, {UNIT}")

    def clear(self) -> None:
        """Show nothing but the empty-state sentence."""
        self.notice.say("")
        self._ghost = {}
        self.show_curves({})

    # Drawing --------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self.axes["left"].set_ticker(decade_ticks if self._log else linear_ticks)
        self._scale = QualityScale.of(self._shown(), log=self._log)
        self._zero_line.setVisible(not self._log)
        self._series = []
        for place, method in enumerate(Method):
            if method in self._curves:
                self._draw(method, _DODGE * (place - 1))
            elif method in self._items:
                self._items[method].hide()
        self._ghost_lines.draw(self._ghost, self._scale)
        self._fill_legend()
        self._fit_all()
        self._refresh_readout()

    def _shown(self) -> tuple[QualityCurve, ...]:
        return (*self._curves.values(), *self._ghost.values())

    def _draw(self, method: Method, dodge: float) -> None:
        curve = self._curves[method]
        if method not in self._items:
            self._items[method] = CurveItems.added_to(self.plot)
        x = np.log2(curve.ks) + dodge
        y, low, high = map(self._scale.drawn, (curve.value, curve.low, curve.high))
        colour = faded(method, _STALE_ALPHA if self._is_stale else 255)
        items = self._items[method]
        items.draw(x, (y, low, high), style_of(method).symbol, colour, valid=self._is_valid)
        if self._is_valid:
            hollow = _ties(curve) | (self._scale.log & (curve.value <= 0))
            items.hollow(hollow, QColor(self._theme.base))
        self._series.append(self._series_of(method, curve, x, y))

    def _fit_all(self) -> None:
        ends = [
            (np.log2(curve.ks), self._scale.drawn(part))
            for curve in self._shown()
            for part in (curve.value, curve.low, curve.high)
        ]
        bounds = bounds_of(ends)
        if bounds is None:
            self._marks.setData([], [])
            return
        bottom = bounds.bottom if self._log else min(bounds.bottom, 0.0)
        room = 0.06 * (bounds.top - bottom)
        marked = [float(np.log2(k)) for k in self._marked]
        self._marks.setData(marked, [bottom - room] * len(marked))
        lowest = bottom - (2 * room if marked else 0)
        self._fit(Bounds(bounds.left, bounds.right, lowest, bounds.top))
        if marked:
            self._series.append(self._series_of_marks(np.array(marked), bottom - room))

    def _series_of(self, method: Method, curve: QualityCurve, x: Floats, y: Floats) -> Series:
        def describe(index: int) -> str:
            return f"{method.label} · k = {int(curve.ks[index])} · {self._words(curve, index)}"

        return Series(x, y, describe)

    def _series_of_marks(self, x: Floats, y: float) -> Series:
        return Series(
            x, np.full(len(x), y), lambda index: f"k = {self._marked[index]} · {_DISAGREE}"
        )

    def _words(self, curve: QualityCurve, index: int) -> str:
        value, low, high = (float(p[index]) for p in (curve.value, curve.low, curve.high))
        text = f"{three_digits(value)} [{three_digits(low)}, {three_digits(high)}]"
        if not self._is_valid:
            return f"{text}, not valid"
        difference = curve.against[index] if curve.against else None
        return text if difference is None else f"{text}, {against_pca(difference)}"

    def _restyle(self, theme: Theme) -> None:
        super()._restyle(theme)
        self._zero_line.setPen(QColor(theme.outline))
        self._marks.setBrush(pg.mkBrush(theme.warning))
        self._marks.setPen(pg.mkPen(theme.base))
        self._legend.setLabelTextColor(QColor(theme.muted))
        self._legend_names = ()
        self._redraw()

    def _fill_legend(self) -> None:
        wanted = {m.label: self._items[m].points for m in self._curves}
        if self._ghost:
            wanted["run before"] = next(iter(self._ghost_lines.lines.values()))
        if self._marked:
            wanted["orders differ"] = self._marks
        if tuple(wanted) != self._legend_names:
            self._legend_names = tuple(wanted)
            self._legend.clear()
            for name, item in wanted.items():
                self._legend.addItem(item, name)

    # Answering ------------------------------------------------------------------------------

    def _show_labels(self, tall: bool) -> None:
        super()._show_labels(tall)
        self._legend.setVisible(tall)

    def _reading_at(self, x: float, y: float) -> Reading | None:
        return nearest(self._series, x, y, self._pixel())

    def _standing_readout(self) -> str:
        parts = [
            f"{method.label} {self._words(curve, int(index))}"
            for method, curve in self._curves.items()
            for index in np.flatnonzero(curve.ks == self._k)
        ]
        if parts and self._k in self._marked:
            parts.append(_DISAGREE)
        return f"k = {self._k}: " + " · ".join(parts) if parts else ""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  # Qt's name
        """K switches between ΔNLL and KL."""
        if event is not None and event.key() == Qt.Key.Key_K and not event.modifiers():
            self._on_kl_clicked(self._measure != "kl")
        else:
            super().keyPressEvent(event)

    @pyqtSlot(bool)
    def _on_kl_clicked(self, kl: bool) -> None:
        self.measure_changed.emit("kl" if kl else "nll")


def _ties(curve: QualityCurve) -> NDArray[np.bool_]:
    """Return which points of a curve tie with PCA."""
    if not curve.against:
        return np.zeros(len(curve.ks), dtype=np.bool_)
    return np.array([one is not None and is_tie(one) for one in curve.against])
