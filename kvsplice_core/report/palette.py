"""One colour and one symbol per method and per pipeline, the same in every plot and export.

The hues are those of Okabe & Ito (2008), apart for colour-blind readers and in grey.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvsplice_core.codec.decoders.spec import DecoderSpec, Decoding
from kvsplice_core.codec.kinds import Axes, GroupingKind, Method
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.quantizers.spec import Quantization, QuantizerSpec

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


@dataclass(frozen=True)
class PipelineStyle(MethodStyle):
    """How one pipeline is drawn; `filled` where its latent is quantized, hollow at 16 bits."""

    filled: bool = False


@dataclass(frozen=True)
class _Family:
    """Looks of the pipelines that share the part that tells most.

    `colours` are those of heads by themselves and of heads together; `symbols` those, and that of
    heads together on axes of their own.
    """

    colours: tuple[str, str]
    symbols: tuple[str, str, str]


_QUANTIZED = {
    Quantization.INT8: _Family((GREY, "#B0B5BE"), ("+", "+", "+")),
    Quantization.INT4: _Family(("#6B707A", "#9A9FA8"), ("arrow_down", "arrow_down", "arrow_down")),
    Quantization.ROUNDING: _Family((GREY, "#B0B5BE"), ("x", "x", "x")),
    Quantization.LLOYD: _Family(("#B46A1F", ORANGE), ("o", "s", "d")),
    Quantization.COMPANDED: _Family(("#BCAF1A", "#86801F"), ("t", "t1", "t2")),
    Quantization.ENTROPY: _Family(("#1F6E86", "#3FA9C6"), ("h", "p", "star")),
}
_DECODED = {
    Decoding.QUADRATIC: _Family((PURPLE, "#A5548A"), ("d", "star", "star")),
    Decoding.POLYNOMIAL: _Family(("#A33B63", "#D4779A"), ("p", "arrow_left", "arrow_left")),
    Decoding.MLP: _Family(("#4E8F3A", "#86BE6B"), ("h", "arrow_right", "arrow_right")),
}
_TRANSFORMED = {
    Method.PCA: _Family((BLUE, SKY), ("o", "t1", "t2")),
    Method.SPLINE: _Family((VERMILION, "#F0894F"), ("s", "t3", "t3")),
    Method.FLOW: _Family((GREEN, "#5CC6A0"), ("t", "arrow_up", "arrow_up")),
}
_OTHERS = _Family((PURPLE, "#A5548A"), ("d", "d", "d"))
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
    family, axes = _family(pipeline), pipeline.axes
    together = pipeline.grouping.kind is not GroupingKind.EACH
    symbol = family.symbols[(1 + (axes is not Axes.RAW)) if together else 0]
    return PipelineStyle(
        colour=_darker(family.colours[together], _DARKER[axes] * _STEP ** _options(pipeline)),
        symbol=symbol,
        marker=_MARKERS[symbol],
        dash=_dash(pipeline),
        filled=not pipeline.keeps_numbers,
    )


def _family(pipeline: Pipeline) -> _Family:
    if not pipeline.keeps_numbers:
        return _QUANTIZED.get(pipeline.quantizer.kind, _OTHERS)
    if pipeline.decoder.kind is not Decoding.LINEAR:
        return _DECODED.get(pipeline.decoder.kind, _OTHERS)
    return _TRANSFORMED.get(pipeline.method, _OTHERS)


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
