"""What evaluations report: frozen values, free of torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.base.options import option, part, require_ranges, shared
from kvsplice_core.tasks.compared import interval_caveats
from kvsplice_core.tasks.reading import model_option, texts_option
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec


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
    leaked : tuple of str
        Documents of its text that the codecs were calibrated on: these figures flatter them.
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
    leaked: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether every control passed; else the numbers must not be shown as a result."""
        return all(control.passed for control in self.audit)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to say beside the intervals, a sentence each."""
        return interval_caveats(len(self.documents))

    def summary(self) -> dict[str, object]:
        """Return what a card keeps of its evaluation, as JSON values."""
        return {
            "text_sha256": self.text_sha256,
            "mode": self.spec.mode,
            "window": self.spec.window if self.spec.mode == "window" else None,
            "tokens": sum(document.tokens for document in self.documents),
            "documents": [document.name for document in self.documents],
            "quality": asdict(self.quality),
            "caveats": list(self.caveats),
            "valid": self.is_valid,
            "audit": [asdict(control) for control in self.audit],
            "stored_bytes": self.stored_bytes,
            "side_bytes": self.side_bytes,
            "dense_bytes": self.dense_bytes,
            "tokens_held": self.tokens_held,
            "device": self.device,
            "versions": dict(self.versions),
        }


def perplexity(nll: Estimate) -> Estimate:
    """Return the perplexity of nats per token; infinite where no float holds it."""
    return Estimate(*(_exp(x) for x in (nll.value, nll.low, nll.high)))


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


SENSITIVITY_TOKENS = 2_048
"""Tokens each cell of a sensitivity map is scored on at most: it has as many as there are heads."""


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

    mode: str = option(
        "Mode",
        "strict: every token, the current one too, is read compressed; window: all but the first "
        "4 and the newest",
        "strict",
        choices=("strict", "window"),
    )
    window: int = option(
        "Window",
        "newest tokens that stay raw in mode window",
        64,
        metavar="W",
        low=1,
        suffix=" tokens",
    )
    tokens: int = option(
        "Tokens to score",
        "most tokens to score, spread over the documents in proportion to their length",
        16_384,
        flag="--tokens",
        metavar="N",
        low=2,
        suffix=" tokens",
    )
    context: int | None = option(
        "Context",
        "tokens the model reads at once",
        None,
        metavar="N",
        low=2,
        unset="its own, 1024 at most",
    )
    continuation_tokens: int = option(
        "Continuation", "tokens of the greedy continuation; 0: none", 48, metavar="N", low=0
    )
    tensor_tokens: int = option(
        "Tokens for errors per head", "tokens the tensor view reads", 2_048, metavar="N", low=2
    )
    seed: int = option(
        "Seed of the bootstrap",
        "seeds the bootstrap and the random basis of the audit",
        0,
        metavar="S",
        low=0,
        high=2**31 - 1,
    )

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class EvaluateTask(Task):
    """What a card costs a model, through its cache, audited."""

    command: ClassVar[str] = "eval"
    runner: ClassVar[str] = "proof.tasks:evaluate_task"
    shows: ClassVar[str] = "print(result.result.quality, result.result.is_valid)"

    model: str = model_option()
    card: str = option("Card", "from kvsplice fit", flag="--card", metavar="FILE")
    texts: tuple[str, ...] = texts_option()
    spec: EvalSpec = part(EvalSpec, "evaluation")
    sensitivity: bool = option(
        "Sensitivity", "also the KL of every head compressed alone", default=False
    )
    device: str = shared(CalibrationSpec, "device")
    threads: int | None = shared(CalibrationSpec, "threads")
