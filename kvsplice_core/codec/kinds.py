"""The kinds of transforms, decoders and quantizers, one line each, and the options of transforms.

A new kind is a file in its folder and a line in `declare` below.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from kvsplice_core.codec.registry import Kind, Look, declare

if TYPE_CHECKING:  # the makers are named in strings below
    from kvsplice_core.codec.decoders.base import DecoderKind  # noqa: F401
    from kvsplice_core.codec.quantizers.base import QuantizerKind  # noqa: F401
    from kvsplice_core.codec.transforms.base import TransformKind  # noqa: F401
    from kvsplice_core.codec.transforms.spec import TransformSpec

MIN_KNOTS = 3
MAX_KNOTS = 64


class Recipe(StrEnum):
    """How a transform is calibrated.

    ``ORIGIN`` alternates: PCA is refitted once an epoch and held constant while the transform
    learns, once for all k. ``JOINT`` learns encoder, decoder, offset and transform together,
    once for each k, starting at PCA.
    """

    ORIGIN = "origin"
    JOINT = "joint"


class Curve(StrEnum):
    """What the curve of a spline is made of.

    ``LINEAR``: straight pieces (C⁰). ``RATIONAL_QUADRATIC``: monotone rational-quadratic pieces
    (C¹). ``SMOOTH``: straight pieces whose change of slope from knot to knot costs something.
    """

    LINEAR = "linear"
    RATIONAL_QUADRATIC = "rational-quadratic"
    SMOOTH = "smooth"


class KnotPlacement(StrEnum):
    """Where the knots of a spline lie.

    ``QUANTILES`` of each dimension, ``UNIFORM`` over its range, or ``LEARNT``: started at the
    quantiles and moved with the slopes.
    """

    QUANTILES = "quantiles"
    UNIFORM = "uniform"
    LEARNT = "learnt"


class CouplingKind(StrEnum):
    """What one half of the dimensions does to the other in a flow.

    ``AFFINE`` scales and shifts it; ``RATIONAL_QUADRATIC`` bends it by monotone splines.
    """

    AFFINE = "affine"
    RATIONAL_QUADRATIC = "rational-quadratic"


class Axes(StrEnum):
    """The basis in front of a spline or flow.

    The axes of V are a gauge: W_V → W_V A with W_O → A⁻¹ W_O changes nothing in the model, so
    the raw axes are a choice like any other.

    ``RAW`` takes the vectors as they are; ``PCA`` turns them to their principal axes;
    ``WHITENED`` also divides by the standard deviations; ``OUTPUT`` turns to the principal axes
    of what the output projection makes of them.
    """

    RAW = "raw"
    PCA = "pca"
    WHITENED = "whitened"
    OUTPUT = "output"

    @property
    def where(self) -> str:
        """The axes in words, for titles, such as ``in PCA axes``; empty for raw ones."""
        names = {Axes.PCA: "PCA", Axes.WHITENED: "whitened", Axes.OUTPUT: "output"}
        return f"in {names[self]} axes" if self in names else ""


class Method(Kind["TransformKind"]):
    """A transform in front of PCA.

    Parameters
    ----------
    key, label, place, look
        See `Kind`.
    column : str
        The spelling in result files.
    heeds : tuple of str
        The options of `TransformSpec` that shape it.
    numbers : callable
        How many numbers it holds for vectors of a dimension, of a `TransformSpec`.
    is_learnt : bool
        Whether it has parameters to calibrate.
    """

    what = "method"
    PCA: ClassVar[Method]
    SPLINE: ClassVar[Method]
    FLOW: ClassVar[Method]

    def __init__(
        self,
        key: str,
        label: str,
        place: str,
        *,
        column: str,
        heeds: tuple[str, ...],
        numbers: Callable[[int, TransformSpec], int],
        is_learnt: bool = True,
        look: Look | None = None,
    ) -> None:
        super().__init__(key, label, place, look)
        self.column = column
        self.heeds = heeds
        self.numbers = numbers
        self.is_learnt = is_learnt


class Decoding(Kind["DecoderKind"]):
    """How vectors come back from their k numbers.

    Parameters
    ----------
    key, label, place, look
        See `Kind`.
    takes_degree : bool
        Whether its word may name the highest degree of its features, as in ``polynomial:4``.
    chooses_axes : bool
        Whether the axes of PCA may be chosen for it (``greedy``).
    """

    what = "decoder"
    LINEAR: ClassVar[Decoding]
    QUADRATIC: ClassVar[Decoding]
    POLYNOMIAL: ClassVar[Decoding]
    MLP: ClassVar[Decoding]

    def __init__(
        self,
        key: str,
        label: str,
        place: str,
        *,
        takes_degree: bool = False,
        chooses_axes: bool = False,
        look: Look | None = None,
    ) -> None:
        super().__init__(key, label, place, look)
        self.takes_degree = takes_degree
        self.chooses_axes = chooses_axes


class Quantization(Kind["QuantizerKind"]):
    """How the latent is stored.

    Parameters
    ----------
    key, label, place, look
        See `Kind`.
    keeps_numbers : bool
        Whether k numbers of 16 bits are kept; else few bits of every component.
    is_rounding : bool
        Whether every number takes as many bits, so that vectors can be rounded without a basis
        and a budget is not filled.
    flags : tuple of str
        The words of a pipeline for options that it takes, such as ``rotated``.
    """

    what = "quantizer"
    FP16: ClassVar[Quantization]
    INT8: ClassVar[Quantization]
    INT4: ClassVar[Quantization]
    ROUNDING: ClassVar[Quantization]
    LLOYD_MAX: ClassVar[Quantization]
    COMPANDED: ClassVar[Quantization]
    ENTROPY_CODED: ClassVar[Quantization]

    def __init__(
        self,
        key: str,
        label: str,
        place: str,
        *,
        keeps_numbers: bool = False,
        is_rounding: bool = False,
        flags: tuple[str, ...] = (),
        look: Look | None = None,
    ) -> None:
        super().__init__(key, label, place, look)
        self.keeps_numbers = keeps_numbers
        self.is_rounding = is_rounding
        self.flags = flags

    @property
    def fills_budget(self) -> bool:
        """Whether it takes any number of bits, all but what whole bytes leave over."""
        return not self.keeps_numbers and not self.is_rounding


_FLOW_HIDDEN = 128
_FLOW_COUPLINGS = 3
# Numbers a coupling says of each dimension it moves: scale and shift, or a spline of 8 bins.
_COUPLING_OUTPUTS = {CouplingKind.AFFINE: 2, CouplingKind.RATIONAL_QUADRATIC: 3 * 8 - 1}


def _no_numbers(dim: int, spec: TransformSpec) -> int:
    del dim, spec
    return 0


def _spline_numbers(dim: int, spec: TransformSpec) -> int:
    """Knots before and after, the slopes between, and of C¹ curves the derivatives."""
    derivatives = spec.knots if spec.curve is Curve.RATIONAL_QUADRATIC else 0
    return dim * (2 * spec.knots + spec.knots - 1 + derivatives)


def _flow_numbers(dim: int, spec: TransformSpec) -> int:
    """Three layers and the order of the dimensions for each coupling, and one unit."""
    unit = 1
    outputs = _COUPLING_OUTPUTS[spec.coupling]
    for place in range(_FLOW_COUPLINGS):
        halves = (dim // 2, dim - dim // 2)
        kept, moved = halves if place % 2 == 0 else halves[::-1]
        layers = (kept + 1) * _FLOW_HIDDEN + (_FLOW_HIDDEN + 1) * (_FLOW_HIDDEN + outputs * moved)
        unit += layers + dim
    return unit


_TRANSFORMS = "kvsplice_core.codec.transforms"
_DECODERS = "kvsplice_core.codec.decoders"
_QUANTIZERS = "kvsplice_core.codec.quantizers"
_LEVELS = ("no-gain", "rotated", "shared-levels")

declare(
    Method(
        "pca", "PCA", f"{_TRANSFORMS}.identity:KIND", column="PCA", heeds=(),
        numbers=_no_numbers, is_learnt=False,
        look=Look(("#0072B2", "#56B4E9"), ("o", "t1", "t2")),
    ),
    Method(
        "spline", "Spline→PCA", f"{_TRANSFORMS}.spline_kind:KIND", column="SplinePCA",
        heeds=("knots", "curve", "knot_placement", "axes"), numbers=_spline_numbers,
        look=Look(("#D55E00", "#F0894F"), ("s", "t3", "t3")),
    ),
    Method(
        "flow", "Flow→PCA", f"{_TRANSFORMS}.flow:KIND", column="FlowPCA",
        heeds=("coupling", "axes"), numbers=_flow_numbers,
        look=Look(("#009E73", "#5CC6A0"), ("t", "arrow_up", "arrow_up")),
    ),
    Decoding("linear", "linear", f"{_DECODERS}.linear:KIND"),
    Decoding(
        "quadratic", "quadratic manifold", f"{_DECODERS}.quadratic:KIND", chooses_axes=True,
        look=Look(("#CC79A7", "#A5548A"), ("d", "star", "star")),
    ),
    Decoding(
        "polynomial", "polynomial features", f"{_DECODERS}.polynomial:KIND", takes_degree=True,
        look=Look(("#A33B63", "#D4779A"), ("p", "arrow_left", "arrow_left")),
    ),
    Decoding(
        "mlp", "MLP", f"{_DECODERS}.mlp:KIND",
        look=Look(("#4E8F3A", "#86BE6B"), ("h", "arrow_right", "arrow_right")),
    ),
    Quantization("fp16", "fp16", f"{_QUANTIZERS}.half:KIND", keeps_numbers=True),
    Quantization(
        "int8", "int8", f"{_QUANTIZERS}.integer:INT8", is_rounding=True,
        look=Look(("#8A8F98", "#B0B5BE"), ("+", "+", "+")),
    ),
    Quantization(
        "int4", "int4", f"{_QUANTIZERS}.integer:INT4", is_rounding=True,
        look=Look(("#6B707A", "#9A9FA8"), ("arrow_down", "arrow_down", "arrow_down")),
    ),
    Quantization(
        "rounding", "Rounding per token", f"{_QUANTIZERS}.rounding:KIND", is_rounding=True,
        look=Look(("#8A8F98", "#B0B5BE"), ("x", "x", "x")),
    ),
    Quantization(
        "lloyd-max", "Lloyd–Max", f"{_QUANTIZERS}.scalar:LLOYD_MAX", flags=_LEVELS,
        look=Look(("#B46A1F", "#E69F00"), ("o", "s", "d")),
    ),
    Quantization(
        "companded", "Companded", f"{_QUANTIZERS}.scalar:COMPANDED", flags=_LEVELS,
        look=Look(("#BCAF1A", "#86801F"), ("t", "t1", "t2")),
    ),
    Quantization(
        "entropy-coded", "Entropy-coded", f"{_QUANTIZERS}.entropy:KIND",
        look=Look(("#1F6E86", "#3FA9C6"), ("h", "p", "star")),
    ),
)  # fmt: skip
