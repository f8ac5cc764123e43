"""The look all figures share: grounds, text, grid, titles, and how a method is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import MethodStyle, style_of

SMALL, BODY, TITLE = 8, 9.5, 12.5
"""Type sizes in points."""

WIDTH, HEIGHT = 7.6, 4.6
"""Inches of a single plot."""

_TICK_GAP = 0.055
_NARROW_SPAN = 30
_LINE_WIDTHS = (2.8, 1.9, 1.2)
_SYMBOL_SIZES = (10.0, 6.0, 4.8)
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Ground:
    """Colours that are not data, light or dark.

    Parameters
    ----------
    paper, panel : str
        Behind the figure, and behind boxes on it.
    text, muted : str
        Text, and text of less weight.
    grid, edge : str
        Grid lines, and lines around things.
    accent : str
        What the user has chosen.
    """

    paper: str
    panel: str
    text: str
    muted: str
    grid: str
    edge: str
    accent: str


LIGHT = Ground("#FFFFFF", "#F4F5F7", "#1A1D24", "#596070", "#E4E7EC", "#AEB4BF", "#5B45C9")
DARK = Ground("#1B1E25", "#242832", "#E9EBEF", "#A2A9B8", "#2B303A", "#5A6272", "#A898FF")


def ground(dark: bool) -> Ground:
    """Return the colours of a theme."""
    return DARK if dark else LIGHT


def new_figure(dark: bool, width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Return an empty figure of `width` × `height` inches."""
    engine = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    return Figure(figsize=(width, height), layout=engine, facecolor=ground(dark).paper)


def dress(axes: Axes, dark: bool, x_label: str = "", y_label: str = "") -> None:
    """Give `axes` thin grid lines, no box, and labels with their units."""
    colours = ground(dark)
    axes.set_facecolor(colours.paper)
    axes.set_axisbelow(True)
    axes.grid(True, color=colours.grid, linewidth=0.7)
    axes.tick_params(which="both", length=0, labelsize=SMALL, labelcolor=colours.muted, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set(color=colours.edge, linewidth=0.8)
    axes.set_xlabel(x_label, fontsize=BODY, color=colours.text, labelpad=6)
    axes.set_ylabel(y_label, fontsize=BODY, color=colours.text, labelpad=6)


def entitle(axes: Axes, dark: bool, title: str, subtitle: str = "") -> None:
    """Write a heading over `axes`, at its left edge; `subtitle` may hold several lines."""
    colours = ground(dark)
    lines = subtitle.count("\n") + 1 if subtitle else 0
    axes.set_title(
        title,
        loc="left",
        fontsize=TITLE,
        fontweight="bold",
        color=colours.text,
        pad=10 + 12 * lines,
    )
    axes.annotate(
        subtitle,
        (0, 1),
        xytext=(0, 9),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=SMALL,
        color=colours.muted,
        linespacing=1.3,
    )


def add_legend(
    axes: Axes,
    dark: bool,
    handles: Sequence[Artist] | None = None,
    loc: str = "best",
    columns: int = 1,
) -> None:
    """Explain the lines, or `handles`, in small type on a translucent ground."""
    colours = ground(dark)
    axes.legend(
        handles=handles,
        loc=loc,
        ncols=columns,
        fontsize=SMALL,
        labelcolor=colours.text,
        facecolor=colours.paper,
        edgecolor="none",
        framealpha=0.85,
        handlelength=2.2,
        borderpad=0.5,
    )


def method_line(method: Method, dark: bool) -> Mapping[str, Any]:
    """Return the keywords that draw a line as `method`.

    Later methods are drawn thinner and smaller, so that curves that coincide all stay visible.
    """
    return styled_line(style_of(method), list(Method).index(method), method.label, dark)


def styled_line(style: MethodStyle, place: int, label: str, dark: bool) -> Mapping[str, Any]:
    """Return the keywords that draw a line in `style` as the one at `place` from 0."""
    return {
        "color": style.colour,
        "marker": style.marker,
        "markersize": _SYMBOL_SIZES[min(place, 2)],
        "markeredgecolor": ground(dark).paper,
        "markeredgewidth": 0.8,
        "linewidth": _LINE_WIDTHS[min(place, 2)],
        "dashes": style.dash or (None, None),
        "label": label,
    }


def k_axis(axes: Axes, ks: Iterable[int]) -> None:
    """Make x a log₂ axis whose ticks are the ks themselves, freed of those that would collide."""
    axes.set_xscale("log", base=2)
    wanted = sorted(set(ks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator(spread(wanted)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:.0f}"))


def mse_axis(axes: Axes, log: bool) -> None:
    """Give y readable ticks, also where a logarithmic one spans little.

    Where nothing lies above 0 the axis is linear: there is no logarithm to show.
    """
    if not (log and np.isfinite(axes.dataLim.minposy)):
        axes.set_ylim(bottom=0)
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high / low < _NARROW_SPAN:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda mse, _: f"{mse:.6g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def spread(ks: list[int]) -> list[int]:
    """Return the ks that stand apart on a log axis; the first and the last stay."""
    if len(ks) < 3:
        return ks
    gap = (ks[-1] / ks[0]) ** _TICK_GAP
    kept = [ks[0]]
    for k in ks[1:-1]:
        if k >= kept[-1] * gap and ks[-1] >= k * gap:
            kept.append(k)
    return [*kept, ks[-1]]


def say_empty(axes: Axes, dark: bool, sentence: str) -> None:
    """Say in one sentence what an empty plot would show."""
    axes.set(xticks=[], yticks=[])
    axes.text(
        0.5,
        0.5,
        sentence,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=BODY,
        color=ground(dark).muted,
    )


def without_rounding(errors: Sequence[float]) -> NDArray[np.float64]:
    """Return errors as an array; what is only rounding, at k = d, is NaN and not a decade."""
    numbers = np.array(errors, dtype=np.float64)
    largest = float(np.nanmax(numbers, initial=0.0))
    return np.where(numbers <= _ROUNDING * largest, np.nan, numbers)


def signed(percent: float) -> str:
    """Return a change with a true minus: ``−3.1``."""
    size = abs(percent)
    digits = 0 if size >= 99.5 else 1 if size >= 0.95 else 2
    number = f"{size:.{digits}f}"
    if float(number) == 0:
        return "0"
    return f"{'−' if percent < 0 else '+'}{number}"
