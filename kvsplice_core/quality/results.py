"""What evaluations are asked for and report: frozen values, free of torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method
from kvsplice_core.specs import CalibrationSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

DEFAULT_QUALITY_KS = (8, 16, 24, 32, 48, 64)
_TIE = 1e-3


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval over documents."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class EvalSpec:
    """How to measure a card through the cache.

    Parameters
    ----------
    mode : str
        ``strict`` or ``window``; see `CacheMode`.
    window : int
        Newest tokens that stay raw in mode ``window``, ≥ 1; the first 4 stay raw too.
    tokens : int
        Most tokens to score, spread over the documents in proportion to their length; ≥ 2.
    context : int, optional
        Tokens of a window of text; the model's own, at most 1024, when omitted.
    continuation_tokens : int
        Tokens of the greedy continuation, 0 for none.
    tensor_tokens : int
        Tokens the tensor view (errors per head) is measured on.
    seed : int
        Seeds the bootstrap and the random basis of the audit.
    """

    mode: str = "strict"
    window: int = 64
    tokens: int = 16_384
    context: int | None = None
    continuation_tokens: int = 48
    tensor_tokens: int = 2_048
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("strict", "window"):
            raise SpecError(f"the mode must be strict or window; got {self.mode!r}")
        floors = {"window": 1, "tokens": 2, "continuation_tokens": 0, "tensor_tokens": 2}
        for name, least in floors.items():
            if getattr(self, name) < least:
                raise SpecError(f"{name} must be at least {least}; got {getattr(self, name)}")
        if self.context is not None and self.context < 2:
            raise SpecError(f"context must be at least 2; got {self.context}")
        if not 0 <= self.seed < 2**31:
            raise SpecError(f"the seed must lie in 0 … 2³¹−1; got {self.seed}")


@dataclass(frozen=True)
class DocumentScore:
    """Sums over the scored tokens of one document.

    Parameters
    ----------
    name : str
    tokens : int
        Tokens predicted.
    nll_base, nll : float
        Negative log-likelihood with the dense and with the compressed cache; nats.
    kl : float
        KL(base ‖ compressed), nats.
    agreements : int
        Tokens at which both predict the same.
    squared_dp : float
        Squared change of the probability of the true token.
    """

    name: str
    tokens: int
    nll_base: float
    nll: float
    kl: float
    agreements: int
    squared_dp: float


@dataclass(frozen=True)
class Quality:
    """What a card costs, per token, each with its interval over documents.

    Parameters
    ----------
    nll_base, nll, delta_nll : Estimate
        Nats per token with the dense cache, the compressed one, and the paired difference.
    perplexity_base, perplexity : Estimate
        exp of the first two.
    kl : Estimate
        KL(base ‖ compressed), nats per token.
    top1 : Estimate
        Share of tokens with the same most likely next token, 0 … 1.
    rms_dp : Estimate
        Root mean square change of the probability of the true token, 0 … 1.
    """

    nll_base: Estimate
    nll: Estimate
    delta_nll: Estimate
    perplexity_base: Estimate
    perplexity: Estimate
    kl: Estimate
    top1: Estimate
    rms_dp: Estimate


@dataclass(frozen=True)
class Control:
    """One control of the audit.

    Parameters
    ----------
    key : str
        ``identity``, ``rank-one``, ``random-basis``, ``chunks`` or ``reads``.
    claim : str
        What must hold, in words.
    measured : str
        What was measured, with its unit.
    required : str
        The bound.
    passed : bool
    """

    key: str
    claim: str
    measured: str
    required: str
    passed: bool


@dataclass(frozen=True)
class HeadErrors:
    """Three errors of one head's reconstruction, on held-out text.

    Parameters
    ----------
    side : str
        ``v`` or ``k``.
    layer, head : int
    mse : float
        Mean squared error; units of V squared.
    weighted_mse : float
        The same, each token weighed by the squared attention it receives.
    output_error : float
        Mean squared error of the head's share of attention's output after W_O; for K the error
        its changed weights make there.
    ranks : tuple of int
        Places of the head among those of its side by these three and, where measured, by
        sensitivity; 1 is the largest.
    """

    side: str
    layer: int
    head: int
    mse: float
    weighted_mse: float
    output_error: float
    ranks: tuple[int, ...] = ()

    @property
    def disagree(self) -> bool:
        """Whether the measures place the head more than one apart."""
        return bool(self.ranks) and max(self.ranks) - min(self.ranks) > 1


@dataclass(frozen=True)
class Continuation:
    """A greedy continuation with the dense and with the compressed cache.

    Parameters
    ----------
    prompt, base, compressed : str
        The text that was given, and both continuations.
    first_divergence : int or None
        Index of the first token that differs; None where none does.
    shared : str
        What both continuations begin with.
    tokens : int
        Tokens generated.
    """

    prompt: str
    base: str
    compressed: str
    first_divergence: int | None
    shared: str
    tokens: int


@dataclass(frozen=True)
class EvalStep:
    """Progress of an evaluation: what is done now, and the share done, 0 … 1."""

    text: str
    fraction: float


@dataclass(frozen=True)
class EvalResult:
    """An audited evaluation of one card.

    Parameters
    ----------
    card : str
        The card's title.
    model, model_sha256, text_sha256 : str
    spec : EvalSpec
    quality : Quality
    documents : tuple of DocumentScore
    audit : tuple of Control
    heads : tuple of HeadErrors
    continuation : Continuation or None
    stored_bytes, dense_bytes : int
        Of the cache after the longest window read, side information counted; and of the dense one.
    tokens_held : int
        Tokens in it.
    side_bytes : int
        The part of `stored_bytes` that the codecs take, once per model.
    device : str
    elapsed_s : float
    versions : dict
    """

    card: str
    model: str
    model_sha256: str
    text_sha256: str
    spec: EvalSpec
    quality: Quality
    documents: tuple[DocumentScore, ...]
    audit: tuple[Control, ...]
    heads: tuple[HeadErrors, ...]
    continuation: Continuation | None
    stored_bytes: int
    dense_bytes: int
    tokens_held: int
    device: str
    elapsed_s: float
    versions: dict[str, str] = field(default_factory=dict)
    side_bytes: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether every control passed; else the numbers must not be shown as a result."""
        return all(control.passed for control in self.audit)

    def summary(self) -> dict[str, object]:
        """Return what a card keeps of its evaluation, as JSON values."""
        return {
            "text_sha256": self.text_sha256,
            "mode": self.spec.mode,
            "window": self.spec.window if self.spec.mode == "window" else None,
            "tokens": sum(document.tokens for document in self.documents),
            "documents": [document.name for document in self.documents],
            "quality": asdict(self.quality),
            "valid": self.is_valid,
            "audit": [asdict(control) for control in self.audit],
            "stored_bytes": self.stored_bytes,
            "side_bytes": self.side_bytes,
            "dense_bytes": self.dense_bytes,
            "tokens_held": self.tokens_held,
            "device": self.device,
            "versions": dict(self.versions),
        }


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

    methods: tuple[Method, ...] = tuple(Method)
    ks: tuple[int, ...] = DEFAULT_QUALITY_KS
    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)
    evaluation: EvalSpec = field(default_factory=EvalSpec)
    side: str = "v"
    budget: int = 16_384
    first_k: int | None = None

    def __post_init__(self) -> None:
        if not self.methods or not self.ks:
            raise SpecError("a quality curve needs at least one method and one k; got none")
        if self.side not in ("v", "k", "both"):
            raise SpecError(f"the side must be v, k or both; got {self.side!r}")
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
class CurveStep:
    """Progress of a quality curve, and a point that has just been measured."""

    text: str
    fraction: float
    point: QualityPoint | None = None


@dataclass(frozen=True)
class CurveResult:
    """All points of a quality curve, k ascending, methods in the registry's order.

    Parameters
    ----------
    model, model_sha256, text_sha256, capture_sha256 : str
    spec : CurveSpec
    points : tuple of QualityPoint
    audit : tuple of Control
        Of the first point of every method.
    context : int
        Tokens of a window of text.
    tokens, documents : int
        What was scored.
    device : str
    elapsed_s : float
    versions : dict
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

    @property
    def is_valid(self) -> bool:
        """Whether every control passed."""
        return all(control.passed for control in self.audit)

    def point(self, method: Method, k: int) -> QualityPoint | None:
        """Return the point of `method` at `k`, or None."""
        found = (p for p in self.points if p.method is method and p.k == k)
        return next(found, None)

    def disagreements(self) -> tuple[int, ...]:
        """Return every k at which the four errors order the methods differently."""
        ks = sorted({point.k for point in self.points})
        return tuple(k for k in ks if not orders_agree(p for p in self.points if p.k == k))


@dataclass(frozen=True)
class SensitivityStep:
    """Progress of a sensitivity map, and the cell that has just been measured."""

    text: str
    fraction: float
    layer: int | None = None
    head: int | None = None
    kl: float | None = None


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """What each head costs when it alone is compressed.

    Parameters
    ----------
    card : str
        The card's title.
    delta_nll, kl : ndarray, shape (layers, heads)
        Nats per token.
    tokens : int
        Tokens scored for each cell.
    elapsed_s : float
    """

    card: str
    delta_nll: NDArray[np.float64]
    kl: NDArray[np.float64]
    tokens: int
    elapsed_s: float


def orders_agree(points: Iterable[QualityPoint]) -> bool:
    """Say whether no two of the four errors put two points of one k in opposite order.

    Two numbers that differ by less than 0.1 % are a tie, which agrees with any order.
    """
    measures = np.array([point.measures for point in points])  # (points, 4)
    apart = measures[:, None] - measures[None]
    tie = np.abs(apart) <= _TIE * np.maximum(np.abs(measures[:, None]), np.abs(measures[None]))
    signs = np.where(tie, 0.0, np.sign(apart))
    return not bool(((signs > 0).any(-1) & (signs < 0).any(-1)).any())


def perplexity(nll: Estimate) -> Estimate:
    """Return the perplexity of nats per token; infinite where no float holds it."""
    return Estimate(*(_exp(x) for x in (nll.value, nll.low, nll.high)))


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
