"""What compression costs the model: ΔNLL or KL over k, and the cost of every head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.figures.style import (
    BODY,
    SMALL,
    add_legend,
    dress,
    entitle,
    ground,
    k_axis,
    method_line,
    mse_axis,
    new_figure,
    say_empty,
)
from kvsplice_core.tasks.curve import CurveResult, QualityPoint

_NAMES = {"nll": "ΔNLL", "kl": "KL(base ‖ compressed)"}
_UNIT = "nats per token"
_MOST_WRITTEN = 144


def quality_vs_k(
    result: CurveResult, measure: str = "nll", log: bool = True, dark: bool = False
) -> Figure:
    """Draw what each method costs against k, with 95 % intervals over documents.

    Where a control of the audit failed, crosses stand in place of lines and the title says so.

    Parameters
    ----------
    result : CurveResult
        What to draw.
    measure : str
        ``nll`` or ``kl``.
    log : bool
        A logarithmic axis; costs of 0 or less are not on it.
    dark : bool
        Light lines on a dark ground.
    """
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "k, numbers kept per vector", f"{_NAMES[measure]}, {_UNIT}")
    entitle(axes, dark, f"{_NAMES[measure]} against k", _describe(result))
    if not result.points:
        say_empty(axes, dark, "Measure quality to see what each k costs.")
        return figure
    for method in Method:
        points = [point for point in result.points if point.method is method]
        if points:
            _draw_method(axes, points, method, measure, result.is_valid, dark)
    k_axis(axes, sorted({point.k for point in result.points}))
    _scale(axes, log)
    _mark_disagreements(axes, result.disagreements(), dark)
    add_legend(axes, dark)
    return figure


def sensitivity_map(
    kl: NDArray[np.float64], title: str, chosen: tuple[int, int] | None = None, dark: bool = False
) -> Figure:
    """Draw what each head costs when it alone is compressed.

    Parameters
    ----------
    kl : ndarray, shape (layers, heads)
        Nats per token; NaN where it is not measured.
    title : str
        The card.
    chosen : tuple of int, optional
        Layer and head to outline.
    dark : bool
        Light text on a dark ground.
    """
    words = ("Sensitivity of every head", f"{title} · KL when it alone is compressed")
    return _head_map(kl, (*words, f"KL, {_UNIT}"), chosen, dark)


def given_bits(
    bits: NDArray[np.float64], title: str, chosen: tuple[int, int] | None = None, dark: bool = False
) -> Figure:
    """Draw how many bits each head was given.

    Parameters
    ----------
    bits : ndarray, shape (layers, heads)
        Bits per value; NaN where the head stays dense.
    title : str
        The budget and how it was shared.
    chosen : tuple of int, optional
        Layer and head to outline.
    dark : bool
        Light text on a dark ground.
    """
    words = ("Bits given to every head", title, "bits per value")
    return _head_map(bits, words, chosen, dark)


def _head_map(
    cells: NDArray[np.float64],
    words: tuple[str, str, str],
    chosen: tuple[int, int] | None,
    dark: bool,
) -> Figure:
    """Draw layers × heads; `words` are title, line below it, and unit."""
    figure = new_figure(dark)
    axes = figure.subplots()
    dress(axes, dark, "head", "layer")
    entitle(axes, dark, *words[:2])
    axes.grid(False)
    image = axes.imshow(cells, cmap="cividis", vmin=0.0, origin="lower", aspect="auto")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    if cells.size <= _MOST_WRITTEN:
        _write_cells(axes, cells)
    if chosen is not None:
        x, y = (
            chosen[1] + 0.5 * np.array([-1, 1, 1, -1, -1]),
            chosen[0] + 0.5 * np.array([-1, -1, 1, 1, -1]),
        )
        axes.plot(x, y, color=ground(dark).accent, linewidth=2.4)
    bar = figure.colorbar(image, ax=axes)
    bar.set_label(words[2], fontsize=BODY, color=ground(dark).text)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=ground(dark).muted, length=0)
    return figure


def _describe(result: CurveResult) -> str:
    evaluation = result.spec.evaluation
    mode = evaluation.mode
    if mode == "window":
        mode += f" of {evaluation.window}"
    tokens = f"{result.tokens:,}".replace(",", "\u202f")
    text = (
        f"{result.model} · {result.spec.side.upper()} compressed, {mode} · "
        f"{tokens} held-out tokens of {result.documents} documents"
    )
    failed = [control.claim for control in result.audit if not control.passed]
    return f"{text}\nAudit failed, not valid: {'; '.join(failed)}" if failed else text


def _draw_method(
    axes: Axes,
    points: Sequence[QualityPoint],
    method: Method,
    measure: str,
    valid: bool,
    dark: bool,
) -> None:
    points = sorted(points, key=lambda point: point.k)
    estimates = [_estimate(point, measure) for point in points]
    value = np.array([e.value for e in estimates])
    around = np.array([[e.value - e.low for e in estimates], [e.high - e.value for e in estimates]])
    look = dict(method_line(method, dark))
    if not valid:
        look |= {"marker": "x", "linewidth": 0.0, "markeredgecolor": look["color"]}
    ks = [point.k for point in points]
    axes.plot(ks, value, **look)
    axes.errorbar(
        ks,
        value,
        yerr=np.maximum(around, 0.0),
        fmt="none",
        ecolor=look["color"],
        elinewidth=0.9,
        capsize=2.5,
    )


def _estimate(point: QualityPoint, measure: str) -> Estimate:
    return point.quality.kl if measure == "kl" else point.quality.delta_nll


def _scale(axes: Axes, log: bool) -> None:
    if log and np.isfinite(axes.dataLim.minposy):
        mse_axis(axes, log=True)


def _mark_disagreements(axes: Axes, ks: Sequence[int], dark: bool) -> None:
    if not ks:
        return
    axes.plot(
        list(ks),
        [0.02] * len(ks),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="D",
        markersize=5,
        color=ground(dark).accent,
        label="the four errors order the methods differently",
        clip_on=False,
    )


def _write_cells(axes: Axes, kl: NDArray[np.float64]) -> None:
    top = float(np.nanmax(kl, initial=0.0))
    for layer, head in np.argwhere(np.isfinite(kl)):
        value = float(kl[layer, head])
        colour = "#00224E" if value > top / 2 else "#FFFFFF"
        axes.text(head, layer, f"{value:.2g}", ha="center", va="center", fontsize=7, color=colour)
