"""The codec as a picture: V → spline → PCA → cache → PCAᵀ → spline⁻¹ → V̂."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.style import BODY, SMALL, TITLE, ground, new_figure
from kvsplice_core.report.palette import BLUE, ORANGE, style_of

_SPLINE = style_of(Method.SPLINE).colour
_MIDDLE = 3.0
_BOX = 1.5
_ROWS, _DIMS, _LATENT = 8, 8, 3
_CELL = 0.19
_KNOTS = np.array([[0.0, 0.0], [0.22, 0.38], [0.5, 0.5], [0.78, 0.62], [1.0, 1.0]])


@dataclass(frozen=True)
class _Stage:
    """A box on the way.

    Parameters
    ----------
    x : float
        Its centre.
    name, formula : str
        Above and below it.
    colour : str
        Its edge.
    draw : callable
        Fills it, given axes, centre and theme.
    """

    x: float
    name: str
    formula: str
    colour: str
    draw: Callable[[Axes, float, bool], None]


def architecture_diagram(dark: bool = False) -> Figure:
    """Draw how a vector is compressed into the cache and restored when attention reads it."""
    figure = new_figure(dark, 13.0, 5.0)
    axes = figure.subplots()
    axes.set(xlim=(0, 16.4), ylim=(0, 6.05), aspect="equal")
    axes.axis("off")
    _draw_heading(axes, dark)
    _draw_phases(axes, dark)
    for stage in _STAGES:
        _draw_stage(axes, stage, dark)
    _draw_matrix(axes, 1.0, _DIMS, dark, seed=3)
    _draw_matrix(axes, 15.4, _DIMS, dark, seed=3, blur=0.12)
    _draw_cache(axes, dark)
    _name(axes, 1.0, "V", r"tokens × $d$", dark)
    _name(axes, 15.4, r"$\mathbf{\hat{V}}$", r"tokens × $d$", dark)
    _draw_flow(axes, dark)
    _draw_side_information(axes, dark)
    return figure


def _draw_heading(axes: Axes, dark: bool) -> None:
    title = "Spline→PCA codec of one attention head"
    _write(axes, 0.24, 5.82, title, TITLE + 1, dark, weight="bold", ha="left")
    detail = r"V is kept as $k$ of $d$ numbers per token; K stays dense beside it"
    _write(axes, 0.24, 5.4, detail, BODY, dark, muted=True, ha="left")


def _draw_phases(axes: Axes, dark: bool) -> None:
    for left, right, text in (
        (2.15, 6.75, "once, when a token is written"),
        (9.65, 14.25, "whenever attention reads"),
    ):
        axes.add_patch(_rounded(left, 1.45, right - left, 3.55, ground(dark).panel, "none"))
        _write(axes, (left + right) / 2, 4.72, text, SMALL + 1, dark, muted=True)


def _draw_stage(axes: Axes, stage: _Stage, dark: bool) -> None:
    low = _MIDDLE - _BOX / 2
    axes.add_patch(
        _rounded(stage.x - _BOX / 2, low, _BOX, _BOX, ground(dark).paper, stage.colour, width=1.8)
    )
    stage.draw(axes, stage.x, dark)
    _name(axes, stage.x, stage.name, stage.formula, dark)


def _draw_spline(axes: Axes, x: float, dark: bool) -> None:
    _draw_curve(axes, x, _KNOTS, dark)


def _draw_inverse(axes: Axes, x: float, dark: bool) -> None:
    _draw_curve(axes, x, _KNOTS[:, ::-1], dark)


def _draw_curve(axes: Axes, x: float, knots: np.ndarray, dark: bool) -> None:
    size = 0.66 * _BOX
    corner = np.array([x - size / 2, _MIDDLE - size / 2])
    points = corner + knots * size
    diagonal = corner + np.array([[0, 0], [1, 1]]) * size
    axes.plot(*diagonal.T, color=ground(dark).edge, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.plot(
        *points.T,
        color=_SPLINE,
        linewidth=2.2,
        marker="s",
        markersize=5,
        markeredgecolor=ground(dark).paper,
    )


def _draw_axes(axes: Axes, x: float, dark: bool) -> None:
    """Draw a cloud of points with its principal axes."""
    cloud = np.random.default_rng(4).standard_normal((90, 2)) * [0.34, 0.1]
    angle = np.deg2rad(32)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = np.clip(cloud @ turn, -0.62, 0.62) + np.array([x, _MIDDLE])
    axes.plot(*points.T, ".", color=ground(dark).edge, markersize=3)
    for axis, length in ((turn[0], 0.6), (turn[1], 0.3)):
        _arrow(axes, (x, _MIDDLE), (x + length * axis[0], _MIDDLE + length * axis[1]), BLUE, 1.8, 8)


def _draw_matrix(
    axes: Axes, x: float, columns: int, dark: bool, seed: int, blur: float = 0.0
) -> None:
    """Draw a matrix as tinted cells, tokens downwards."""
    draws = np.random.default_rng(seed)
    shades = draws.uniform(0.15, 0.95, (_ROWS, columns))
    shades = np.clip(shades + blur * draws.standard_normal(shades.shape), 0.08, 1)
    left, top = x - columns * _CELL / 2, _MIDDLE + _ROWS * _CELL / 2
    colour = ground(dark).muted if columns == _DIMS else ORANGE
    for (row, column), shade in np.ndenumerate(shades):
        corner = (left + column * _CELL, top - (row + 1) * _CELL)
        cell = Rectangle(corner, _CELL, _CELL, facecolor=colour, alpha=float(shade), linewidth=0)
        axes.add_patch(cell)
    for row in range(_ROWS + 1):
        y = top - row * _CELL
        axes.plot([left, left + columns * _CELL], [y, y], color=ground(dark).paper, linewidth=1.2)
    for column in range(columns + 1):
        at = left + column * _CELL
        axes.plot([at, at], [top, top - _ROWS * _CELL], color=ground(dark).paper, linewidth=1.2)


def _draw_cache(axes: Axes, dark: bool) -> None:
    axes.add_patch(_rounded(7.2, 1.45, 2.0, 3.55, ground(dark).paper, ORANGE, width=2.0))
    _write(axes, 8.2, 4.72, "KV cache", BODY, dark, weight="bold")
    _draw_matrix(axes, 8.2, _LATENT, dark, seed=7)
    _write(axes, 8.2, 4.13, "latent", BODY + 1, dark, weight="bold")
    _write(axes, 8.2, 1.86, r"tokens × $k$", BODY, dark, muted=True)


def _draw_flow(axes: Axes, dark: bool) -> None:
    stops = (1.85, 2.45, 3.95, 4.95, 6.45, 7.7, 8.7, 9.95, 11.45, 12.45, 13.95, 14.55)
    for start, end in zip(stops[::2], stops[1::2], strict=True):
        _arrow(axes, (start, _MIDDLE), (end, _MIDDLE), ground(dark).text, 1.4)
    for x, text in ((4.45, "$d$"), (6.98, "$k$"), (9.42, "$k$"), (11.95, "$d$")):
        _write(axes, x, _MIDDLE + 0.22, text, BODY, dark, muted=True)


def _draw_side_information(axes: Axes, dark: bool) -> None:
    axes.add_patch(_rounded(2.15, 0.12, 12.1, 0.72, ground(dark).paper, ground(dark).edge))
    text = (
        r"side information, once per head:  knots and slopes of $s$  ·  basis $U_k$  ·  mean $\mu$"
    )
    _write(axes, 8.2, 0.48, text, BODY, dark)
    for stage in _STAGES:
        axes.plot(
            [stage.x, stage.x],
            [0.84, 1.45],
            color=ground(dark).edge,
            linewidth=1,
            linestyle=(0, (2, 2)),
        )


def _name(axes: Axes, x: float, name: str, formula: str, dark: bool) -> None:
    _write(axes, x, 4.13, name, BODY + 1, dark, weight="bold")
    _write(axes, x, 1.86, formula, BODY, dark, muted=True)


def _write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    dark: bool,
    muted: bool = False,
    weight: str = "normal",
    ha: str = "center",
) -> None:
    colour = ground(dark).muted if muted else ground(dark).text
    axes.text(x, y, text, fontsize=size, color=colour, ha=ha, va="center", fontweight=weight)


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    width: float,
    head: float = 11,
) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=head,
            color=colour,
            linewidth=width,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _rounded(
    x: float, y: float, width_x: float, height: float, face: str, edge: str, width: float = 1.0
) -> FancyBboxPatch:
    return FancyBboxPatch(
        (x, y),
        width_x,
        height,
        boxstyle="round,pad=0,rounding_size=0.14",
        facecolor=face,
        edgecolor=edge,
        linewidth=width,
    )


_STAGES = (
    _Stage(3.2, "spline", r"$z = s(x)$", _SPLINE, _draw_spline),
    _Stage(5.7, "PCA", r"$h = (z - \mu)\,U_k$", BLUE, _draw_axes),
    _Stage(10.7, "PCAᵀ", r"$\hat{z} = h\,U_k^\top + \mu$", BLUE, _draw_axes),
    _Stage(13.2, "spline⁻¹", r"$\hat{x} = s^{-1}(\hat{z})$", _SPLINE, _draw_inverse),
)
