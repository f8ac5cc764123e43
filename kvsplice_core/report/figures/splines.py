"""What a spline does to each dimension: its curves, and all its slopes at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.report.figures.style import (
    BODY,
    SMALL,
    TITLE,
    dress,
    entitle,
    ground,
    new_figure,
)
from kvsplice_core.report.palette import BLUE, VERMILION, style_of

_COLUMNS = (4, 3)
_MOST_PANELS = 16
_BINS = 48
_OVERHANG = 0.08
_LEAST_RANGE = 0.02
_RATIOS = (1.01, 1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 4, 8, 16)


def spline_curves(
    shape: SplineShape,
    dims: Sequence[int],
    rows: NDArray[np.floating] | None = None,
    dark: bool = False,
    where: str = "",
) -> Figure:
    """Draw the curves of some dimensions, one panel each, with their knots.

    Parameters
    ----------
    shape : SplineShape
        The curves.
    dims : sequence of int
        Dimensions to draw, 1 to 16 of 0 … d − 1.
    rows : ndarray, shape (n, d), optional
        Vectors whose density is drawn behind, in the axes of the curves.
    dark : bool
        Light lines on a dark ground.
    where : str
        The axes the curves are in, for the title, such as ``in PCA axes``; empty for raw ones.

    Raises
    ------
    SpecError
        If `dims` is empty, too long, or names a dimension that is not there.
    """
    _require_dims(dims, len(shape.slopes))
    columns, lines = _grid(len(dims))
    figure = new_figure(dark, max(4.2, 2.1 * columns), 1.1 + 1.9 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, dim in zip(panels, dims, strict=False):
        _draw_panel(axes, shape, dim, None if rows is None else rows[:, dim], dark)
    for axes in panels[len(dims) :]:
        axes.set_visible(False)
    _head(figure, shape.knots, rows is not None, dark, where)
    return figure


def slope_map(shape: SplineShape, dark: bool = False, where: str = "") -> Figure:
    """Draw every slope, dimensions × segments, against the mean slope of its dimension.

    A curved segment is drawn in `SplineShape.pieces` straight ones, and the axis says so.
    """
    figure = new_figure(dark, 7.6, 5.0)
    axes = figure.subplots()
    dress(axes, dark, _across(shape), "dimension")
    bent = "stretched where vermilion, squeezed where blue; a straight line is plain"
    entitle(axes, dark, _titled("Slope of every segment", where), bent)
    axes.grid(False)
    ratios = _relative_slopes(shape)
    limit = max(_LEAST_RANGE, float(np.quantile(np.abs(ratios), 0.995)))
    image = axes.imshow(
        ratios,
        aspect="auto",
        interpolation="nearest",
        cmap=_diverging(dark),
        norm=Normalize(-limit, limit),
        extent=(0.5, ratios.shape[1] + 0.5, len(ratios) - 0.5, -0.5),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_scale(figure, image, limit, dark)
    return figure


def _across(shape: SplineShape) -> str:
    if shape.pieces == 1:
        return "segment between two knots, low values to high"
    return f"{shape.pieces} pieces of each segment between {shape.knots} knots, low values to high"


def _titled(title: str, where: str) -> str:
    return f"{title}, {where}" if where else title


def _require_dims(dims: Sequence[int], available: int) -> None:
    if not 1 <= len(dims) <= _MOST_PANELS:
        raise SpecError(f"1 to {_MOST_PANELS} dimensions can be drawn; got {len(dims)}")
    for dim in dims:
        if not 0 <= dim < available:
            raise SpecError(f"a dimension must lie in 0 … {available - 1}; got {dim}")


def _grid(panels: int) -> tuple[int, int]:
    """Return columns and lines that leave the fewest places empty."""
    if panels <= _COLUMNS[0]:
        return panels, 1
    columns = min(_COLUMNS, key=lambda columns: -panels % columns)
    return columns, math.ceil(panels / columns)


def _draw_panel(
    axes: Axes, shape: SplineShape, dim: int, column: NDArray[np.floating] | None, dark: bool
) -> None:
    colours, colour = ground(dark), style_of(Method.SPLINE).colour
    dress(axes, dark)
    axes.set_title(f"dim {dim}", loc="left", fontsize=BODY, color=colours.text, pad=4)
    x, z = _with_ends(shape, dim)
    if column is not None:
        _draw_density(axes, column, (x[0], x[-1]), dark)
    axes.plot(
        [x[0], x[-1]], [x[0], x[-1]], color=colours.muted, linewidth=0.8, linestyle=(0, (4, 3))
    )
    axes.plot(x, z, color=colour, linewidth=1.6)
    axes.plot(
        shape.knots_in[dim, shape.at_knots],
        shape.knots_out[dim, shape.at_knots],
        linestyle="none",
        marker="s",
        markersize=3.4,
        color=colour,
        markeredgecolor=colours.paper,
        markeredgewidth=0.5,
    )
    axes.set_xlim(x[0], x[-1])
    axes.locator_params(nbins=4)


def _with_ends(shape: SplineShape, dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a curve with its end segments drawn on a little, as they are extrapolated."""
    x = shape.knots_in[dim].astype(np.float64)
    z = shape.knots_out[dim].astype(np.float64)
    first, last = (float(slope) for slope in shape.slopes[dim, [0, -1]])
    more = _OVERHANG * float(x[-1] - x[0]) or 1.0
    return (
        np.concatenate([[x[0] - more], x, [x[-1] + more]]),
        np.concatenate([[z[0] - first * more], z, [z[-1] + last * more]]),
    )


def _draw_density(
    axes: Axes, column: NDArray[np.floating], span: tuple[float, float], dark: bool
) -> None:
    counts, edges = np.histogram(column, bins=_BINS, range=span)
    behind = axes.twinx()
    behind.fill_between(edges[:-1], counts, step="post", color=ground(dark).grid, linewidth=0)
    behind.set_ylim(0, max(1, counts.max()) * 1.6)
    behind.axis("off")
    behind.set_zorder(axes.get_zorder() - 1)
    axes.patch.set_visible(False)


def _head(figure: Figure, knots: int, has_rows: bool, dark: bool, where: str) -> None:
    colours = ground(dark)
    density = ", density of the data behind" if has_rows else ""
    figure.suptitle(
        _titled("Spline shapes", where),
        x=0.02,
        ha="left",
        fontsize=TITLE,
        fontweight="bold",
        color=colours.text,
    )
    read = "value along an axis" if where else "value of V"
    figure.supxlabel(
        f"{read}  →  spline output · {knots} knots, identity dashed{density}",
        fontsize=SMALL,
        color=colours.muted,
    )


def _relative_slopes(shape: SplineShape) -> NDArray[np.float64]:
    """Return log₂ of each slope over the width-weighted mean slope of its dimension."""
    widths = np.diff(shape.knots_in.astype(np.float64), axis=1)
    slopes = shape.slopes.astype(np.float64)
    total = widths.sum(1, keepdims=True)
    weights = np.where(total > 0, widths, 1.0)
    mean = (slopes * weights).sum(1, keepdims=True) / weights.sum(1, keepdims=True)
    return np.asarray(np.log2(slopes / mean), dtype=np.float64)


def _diverging(dark: bool) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("slope", [BLUE, ground(dark).panel, VERMILION])


def _draw_scale(figure: Figure, image: AxesImage, limit: float, dark: bool) -> None:
    colours = ground(dark)
    bar = figure.colorbar(image, pad=0.02, fraction=0.04)
    powers = [math.log2(ratio) for ratio in _RATIOS if math.log2(ratio) <= limit][-3:]
    bar.set_ticks([*(-power for power in powers), 0.0, *powers])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=SMALL, labelcolor=colours.muted)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda power, _: f"×{2.0**power:.3g}"))
    bar.set_label("slope over mean slope", fontsize=BODY, color=colours.text, labelpad=8)
