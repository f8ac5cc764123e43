"""One colour and one symbol per method and per pipeline, the same in every plot and export.

The hues are those of Okabe & Ito (2008), apart for colour-blind readers and in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from colorsys import hsv_to_rgb, rgb_to_hsv
from dataclasses import dataclass
from typing import Any

from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.grouping import GroupingKind
from kvsplice_core.codec.kinds import Axes, Decoding, Method, Quantization
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.codec.registry import Kind, Look

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
    marker : str or int
        Marker of matplotlib.
    dash : tuple of float
        Lengths on and off in line widths; empty for a solid line. Both
        ``QPen.setDashPattern`` and ``Line2D.set_dashes`` take it.
    """

    colour: str
    symbol: str
    marker: str | int
    dash: tuple[float, ...] = ()


SEQUENCE = (ORANGE, SKY, PURPLE, GREEN, BLUE, VERMILION, YELLOW)
"""Colours of lines that are not methods (dimensions, reference lines), in order of use."""


def style_of(method: Method) -> MethodStyle:
    """Return how `method` is drawn."""
    look = look_of(method)
    return MethodStyle(look.colours[0], look.symbols[0], _MARKERS[look.symbols[0]])


@dataclass(frozen=True)
class PipelineStyle(MethodStyle):
    """How one pipeline is drawn; `filled` where its latent is quantized, hollow at 16 bits."""

    filled: bool = False


_MARKERS: dict[str, str | int] = {
    "o": "o", "s": "s", "t": "^", "t1": "v", "t2": ">", "t3": "<", "d": "D", "p": "p", "h": "h",
    "+": "P", "x": "X", "star": "*", "arrow_up": 6, "arrow_down": 7, "arrow_left": 4,
    "arrow_right": 5,
}  # fmt: skip
_GROUPING_DASHES: dict[GroupingKind, tuple[float, ...]] = {
    GroupingKind.EACH: (),
    GroupingKind.POOLED: (1.5, 1.5),
    GroupingKind.JOINED: (7.0, 2.5),
    GroupingKind.BLOCKS: (4.0, 2.0),
}
_DOTS = {Axes.RAW: 0, Axes.OUTPUT: 1, Axes.PCA: 2, Axes.WHITENED: 3}
_STEP = 0.93
_DARKER = {Axes.RAW: 1.0, Axes.OUTPUT: 0.78, Axes.PCA: 0.9, Axes.WHITENED: 0.68}


def pipeline_style(pipeline: Pipeline) -> PipelineStyle:
    """Return how a pipeline is drawn.

    The hue tells the quantizer, else the decoder, else the transform; its shade and the symbol
    tell whether heads are together, and the axes; a dash stands for heads together, a dot for
    each step of the axes away from raw ones, short strokes and a darker shade for options that
    are not the usual; filled symbols are quantized.
    """
    look, axes = look_of(_telling(pipeline)), pipeline.axes
    together = pipeline.grouping.kind is not GroupingKind.EACH
    symbol = look.symbols[(1 + (axes is not Axes.RAW)) if together else 0]
    return PipelineStyle(
        colour=_darker(look.colours[together], _DARKER[axes] * _STEP ** _options(pipeline)),
        symbol=symbol,
        marker=_MARKERS[symbol],
        dash=_dash(pipeline),
        filled=not pipeline.keeps_numbers,
    )


def _telling(pipeline: Pipeline) -> Kind[Any]:
    """Return the part that tells most of a pipeline."""
    if not pipeline.keeps_numbers:
        return pipeline.quantizer.kind
    if pipeline.decoder.kind is not Decoding.LINEAR:
        return pipeline.decoder.kind
    return pipeline.method


def look_of(kind: Kind[Any]) -> Look:
    """Return how a kind is drawn; one that does not say gets a hue and a symbol of its own."""
    return kind.look or _derived(kind)


def _derived(kind: Kind[Any]) -> Look:
    """Return the hue farthest from those of all kinds before, and a symbol none of them has."""
    kinds: list[Kind[Any]] = [*Method, *Decoding, *Quantization]
    looks = [one.look for one in kinds if one.look is not None]
    hues = [_hue(colour) for look in looks for colour in look.colours]
    place = [one for one in kinds if one.look is None].index(kind)
    for _ in range(place + 1):
        hues.append(_farthest(hues))
    free = [symbol for symbol in _MARKERS if symbol not in {look.symbols[0] for look in looks}]
    symbol = free[place % len(free)]
    return Look((_hex(hues[-1], 0.6), _hex(hues[-1], 0.75)), (symbol, symbol, symbol))


def _hue(colour: str) -> float:
    return rgb_to_hsv(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]


def _farthest(hues: Sequence[float]) -> float:
    """Return the hue, 0 … 1 round the circle, that lies farthest from all others."""
    tried = (degree / 360 for degree in range(360))
    return max(tried, key=lambda hue: min(0.5 - abs(abs(hue - one) - 0.5) for one in hues))


def _hex(hue: float, value: float) -> str:
    return "#" + "".join(f"{round(255 * part):02X}" for part in hsv_to_rgb(hue, 0.75, value))


def _dash(pipeline: Pipeline) -> tuple[float, ...]:
    stroke, dots = _GROUPING_DASHES[pipeline.grouping.kind], _DOTS[pipeline.axes]
    if (dots or _options(pipeline)) and not stroke:
        stroke = (12.0, 2.5)
    return (*stroke, *(1.5, 2.5) * dots, *(3.0, 1.5) * _options(pipeline))


def _options(pipeline: Pipeline) -> int:
    """Return a number that tells options of one quantizer or decoder apart; 0 for the usual."""
    quantizer, usual = pipeline.quantizer, QuantizerSpec()
    flags = (
        pipeline.greedy or quantizer.gain != usual.gain,
        quantizer.rotate != usual.rotate,
        quantizer.codebook != usual.codebook,
    )
    steps = abs(pipeline.decoder.degree - DecoderSpec().degree)
    return steps + sum(1 << place for place, flag in enumerate(flags) if flag)


def _darker(colour: str, share: float) -> str:
    parts = (round(share * int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02X}" for part in parts)
