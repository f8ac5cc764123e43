"""A change against PCA as a bar with its interval; a tie is drawn as a tie wherever it stands."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kvsplice_core.base.estimates import Change, Verdict
from kvsplice_core.report.figures.style import SMALL, ground, signed
from kvsplice_core.report.palette import GREY, MethodStyle

_HATCH = "////"


def draw_change(
    axes: Axes, change: Change, style: MethodStyle, x: float, width: float, dark: bool
) -> None:
    """Draw one bar and its 95 % interval; grey and hatched where the interval holds 0."""
    tie = change.verdict is Verdict.TIE
    axes.bar(
        x,
        change.percent,
        width=width,
        facecolor=ground(dark).panel if tie else style.colour,
        edgecolor=GREY if tie else style.colour,
        hatch=_HATCH if tie else "",
        linewidth=0.6 if tie else 0.0,
    )
    axes.plot([x, x], [change.low, change.high], color=ground(dark).text, linewidth=1.1)
    if tie:  # grey, so the symbol says whose it is
        axes.plot(x, change.percent, marker=style.marker, markersize=5, color=style.colour)


def label_change(axes: Axes, change: Change, x: float, dark: bool) -> None:
    """Write the change, or that it is a tie, at the far end of the interval."""
    below, tie = change.percent < 0, change.verdict is Verdict.TIE
    axes.annotate(
        "tie" if tie else signed(change.percent),
        (x, change.low if below else change.high),
        xytext=(0, -4 if below else 4),
        textcoords="offset points",
        ha="center",
        va="top" if below else "bottom",
        fontsize=SMALL - 1,
        color=ground(dark).muted if tie else ground(dark).text,
    )


def tie_patch(dark: bool) -> Patch:
    """Return the legend's entry of a tie."""
    fill = ground(dark).panel
    return Patch(facecolor=fill, edgecolor=GREY, hatch=_HATCH, label="tie: interval holds 0")
