"""What quality curves and sensitivity maps report: frozen values, free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Estimate
from kvsplice_core.base.options import option, part, require_ranges
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.compared import interval_caveats
from kvsplice_core.tasks.evaluate import Control, EvalSpec, Quality
from kvsplice_core.tasks.reading import capture_model_option, texts_option
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kvsplice_core.tasks.evaluate import EvalResult

SIDES = ("v", "k", "both")
"""What of a cache may be compressed, by key."""
DEFAULT_QUALITY_KS = (8, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class CurveSpec:
    """Several methods at several k, each measured through the cache.

    Parameters
    ----------
    methods : tuple of Method
    ks : tuple of int
    calibration : CalibrationSpec
        How each codec is calibrated; its method and k are set for each point.
    evaluation : EvalSpec
    side : str
        ``v``, ``k`` or ``both``.
    budget : int
        Vectors each codec learns from at most.
    first_k : int, optional
        The k to measure first.
    """

    methods: tuple[Method, ...] = option(
        "Compare", "methods to measure; pca always comes with them", tuple(Method), flag="--methods"
    )
    ks: tuple[int, ...] = option(
        "k of the curve",
        "bottleneck dimensions such as 8,16,32; those above head_dim are left out",
        DEFAULT_QUALITY_KS,
        flag="--ks",
        low=1,
        ranges=True,
    )
    calibration: CalibrationSpec = part(CalibrationSpec, "calibration", without=("method", "k"))
    evaluation: EvalSpec = part(EvalSpec, "evaluation", without=("seed",))
    side: str = option("Compress", "what to compress", "v", flag="--side", choices=SIDES)
    budget: int = option(
        "At most",
        "vectors each codec is made of at most",
        16_384,
        flag="--budget",
        metavar="N",
        low=16,
        suffix=" vectors",
    )
    first_k: int | None = None

    def __post_init__(self) -> None:
        if not self.methods or not self.ks:
            raise SpecError("a quality curve needs at least one method and one k; got none")
        require_ranges(self)
        object.__setattr__(self, "ks", tuple(sorted(set(self.ks))))
        object.__setattr__(self, "methods", tuple(dict.fromkeys((Method.PCA, *self.methods))))

    def at(self, method: Method, k: int) -> CalibrationSpec:
        """Return the calibration of one point."""
        return replace(self.calibration, method=method, k=k)

    @property
    def ordered_ks(self) -> tuple[int, ...]:
        """The ks, the wished one first."""
        if self.first_k not in self.ks:
            return self.ks
        return (self.first_k, *(k for k in self.ks if k != self.first_k))


_TIE = 1e-3
_ROUNDING = 1e-6


@dataclass(frozen=True)
class QualityPoint:
    """One method at one k.

    Parameters
    ----------
    method : Method
    k : int
    quality : Quality
        Through the cache, on held-out documents.
    mse, weighted_mse, output_error : float
        The tensor view, means over all heads; see `HeadErrors`.
    kept : int
        Codecs of the card that kept their method; the others are PCA.
    codecs : int
        Codecs of the card.
    bytes_per_token : int
        Of the compressed cache at fp16, K and V, side information left out.
    against_pca : Estimate or None
        ΔNLL minus that of PCA at the same k, paired over documents; None for PCA itself.
    """

    method: Method
    k: int
    quality: Quality
    mse: float
    weighted_mse: float
    output_error: float
    kept: int
    codecs: int
    bytes_per_token: int
    against_pca: Estimate | None = None

    @property
    def measures(self) -> tuple[float, float, float, float]:
        """The four errors: MSE, attention-weighted MSE, error after W_O, KL."""
        return (self.mse, self.weighted_mse, self.output_error, self.quality.kl.value)


@dataclass(frozen=True)
class CurveResult:
    """All points of a quality curve, k ascending, methods in the registry's order.

    Parameters
    ----------
    model, model_sha256, text_sha256, capture_sha256 : str
    spec : CurveSpec
    points : tuple of QualityPoint
    audit : tuple of Control
        Of the first point of every method; of later ones only ``reads``, where it failed.
    context : int
        Tokens of a window of text.
    tokens, documents : int
        What was scored.
    device : str
    elapsed_s : float
    versions : dict
    leaked : tuple of str
        Documents of its text that the codecs were calibrated on: these figures flatter them.
    """

    model: str
    model_sha256: str
    text_sha256: str
    capture_sha256: str
    spec: CurveSpec
    points: tuple[QualityPoint, ...]
    audit: tuple[Control, ...]
    context: int
    tokens: int
    documents: int
    device: str
    elapsed_s: float
    versions: dict[str, str] = field(default_factory=dict)
    leaked: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether every control passed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Control, ...]:
        """The controls that failed: no point must be shown as a result then."""
        return tuple(control for control in self.audit if not control.passed)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to say beside the intervals, a sentence each."""
        return interval_caveats(self.documents)

    def point(self, method: Method, k: int) -> QualityPoint | None:
        """Return the point of `method` at `k`, or None."""
        found = (p for p in self.points if p.method is method and p.k == k)
        return next(found, None)

    def disagreements(self) -> tuple[int, ...]:
        """Return every k at which the four errors order the methods differently."""
        return disagreements(self.points)


@dataclass(frozen=True)
class Cell:
    """One cell of a sensitivity map: the KL with this side of this head alone, nats per token."""

    side: str
    layer: int
    head: int
    kl: float


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """What each head costs when V or K of it alone is compressed.

    Parameters
    ----------
    card : str
        The card's title.
    delta_nll, kl : mapping of str to ndarray, shape (layers, heads)
        Nats per token, by the side the card compresses: ``v``, ``k``.
    tokens : int
        Tokens scored for each cell.
    elapsed_s : float
    """

    card: str
    delta_nll: Mapping[str, NDArray[np.float64]]
    kl: Mapping[str, NDArray[np.float64]]
    tokens: int
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Evaluated:
    """An evaluation of a card, and what each head costs alone where that was asked for."""

    result: EvalResult
    sensitivity: SensitivityResult | None = None


def disagreements(points: Iterable[QualityPoint]) -> tuple[int, ...]:
    """Return every k at which the four errors order the methods differently.

    What is a millionth of an error's largest is rounding, as at k = d, and orders nothing.
    """
    known = tuple(points)
    largest = np.max([point.measures for point in known], axis=0, initial=0.0)
    floors = _ROUNDING * largest
    at_k: dict[int, list[QualityPoint]] = {}
    for point in known:
        at_k.setdefault(point.k, []).append(point)
    return tuple(k for k, own in sorted(at_k.items()) if not orders_agree(own, floors))


def orders_agree(points: Iterable[QualityPoint], floors: NDArray[np.float64] | float = 0.0) -> bool:
    """Say whether no two of the four errors put two points of one k in opposite order.

    Two numbers that differ by less than 0.1 %, or are both below the floor of their error (shape
    (4,)), are a tie, which agrees with any order.
    """
    measures = np.maximum([point.measures for point in points], floors)  # (points, 4)
    apart = measures[:, None] - measures[None]
    tie = np.abs(apart) <= _TIE * np.maximum(np.abs(measures[:, None]), np.abs(measures[None]))
    signs = np.where(tie, 0.0, np.sign(apart))
    return not bool(((signs > 0).any(-1) & (signs < 0).any(-1)).any())


@dataclass(frozen=True)
class CurveTask(Task):
    """Several methods at several k, each measured through a model's cache."""

    command: ClassVar[str] = "quality"
    runner: ClassVar[str] = "proof.tasks:curve_task"
    shows: ClassVar[str] = (
        "for point in result.points:\n"
        "    print(point.method.label, point.k, point.quality.delta_nll)"
    )

    capture: str = option("Capture", "from kvsplice capture", flag="CAPTURE")
    model: str | None = capture_model_option()
    texts: tuple[str, ...] = texts_option()
    spec: CurveSpec = part(CurveSpec, "curve")
