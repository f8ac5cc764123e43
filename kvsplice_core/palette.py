"""One colour and one symbol per method, the same in every plot, table and export.

The hues are those of Okabe & Ito (2008), apart for colour-blind readers and in grey.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.methods import Method

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
YELLOW = "#F0E442"
GREY = "#8A8F98"


@dataclass(frozen=True)
class MethodStyle:
    """How one method is drawn.

    Parameters
    ----------
    colour : str
        Hexadecimal RGB.
    symbol : str
        Symbol of pyqtgraph.
    marker : str
        Marker of matplotlib.
    dash : tuple of float
        Lengths on and off in line widths; empty for a solid line. Both
        ``QPen.setDashPattern`` and ``Line2D.set_dashes`` take it.
    """

    colour: str
    symbol: str
    marker: str
    dash: tuple[float, ...] = ()


_STYLES = {
    Method.PCA: MethodStyle(BLUE, symbol="o", marker="o"),
    Method.SPLINE: MethodStyle(VERMILION, symbol="s", marker="s"),
    Method.FLOW: MethodStyle(GREEN, symbol="t", marker="^"),
}
_UNNAMED = MethodStyle(PURPLE, symbol="d", marker="D")

SEQUENCE = (ORANGE, SKY, PURPLE, GREEN, BLUE, VERMILION, YELLOW)
"""Colours of lines that are not methods (dimensions, reference lines), in order of use."""


def style_of(method: Method) -> MethodStyle:
    """Return how `method` is drawn."""
    # A method added in the registry is drawn before anyone has picked a colour for it.
    return _STYLES.get(method, _UNNAMED)
