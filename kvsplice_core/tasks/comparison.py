"""Pipelines side by side at equal budgets: what is asked and what is found; free of torch."""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.options import option, part, require_ranges
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.data.source import VectorSource
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.tasks.budgets import DEFAULT_COUNTED_TOKENS, Budget, Budgets
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.reading import (
    calibration_texts_option,
    capture_model_option,
    texts_option,
)
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec, pipeline_calibration

if TYPE_CHECKING:
    from kvsplice_core.tasks.compared import Compared
    from kvsplice_core.tasks.evaluate import Control, Quality

Spec = TypeVar("Spec", bound="Asked")
SIDES = ("v", "k")
"""Sides of a cache that vectors are taken of, by key."""


class Asked(Protocol):
    """What a comparison asks, however its budgets are said; a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines, as they were named."""

    @property
    def budgets(self) -> Budgets:
        """What each of them may keep."""

    @property
    def calibration(self) -> CalibrationSpec:
        """How a transform is learnt, and how the vectors are cut into parts."""

    @property
    def counted_tokens(self) -> int:
        """Tokens that a codec's own bytes are spread over."""

    @property
    def surrogate(self) -> bool:
        """Whether every pipeline is also fitted to a Gaussian of equal mean and covariance."""


@dataclass(frozen=True)
class ComparisonSpec:
    """Which pipelines at which budgets.

    Parameters
    ----------
    pipelines : tuple of Pipeline
    budgets : Budgets
        At k, a pipeline that keeps numbers keeps k of 16 bits of each head's vector (joined heads
        share theirs), a quantized one gets their bytes; all are compared with PCA of each head at
        the same k.
    calibration : CalibrationSpec
        How a transform is learnt, and how the vectors are cut into parts.
    counted_tokens : int
        Tokens that a codec's own bytes are spread over.
    surrogate : bool
        Whether every pipeline is also fitted to a Gaussian of equal mean and covariance.

    Raises
    ------
    SpecError
        If there is no pipeline, or a number lies outside its range.
    """

    pipelines: tuple[Pipeline, ...] = option(
        "Pipelines",
        "words joined by +, such as pca,rounding,joined+output+lloyd-max; of vectors without a "
        "model those that need its W_O are left out",
        DEFAULT_PIPELINES,
    )
    budgets: Budgets = option(
        "Budgets",
        "k=8,16,32, numbers kept of each head's vector (quantized pipelines get their bytes), or "
        "bits=1,2.5, bits per value, everything counted",
        Budgets.of("bits=2,3,4"),
        flag="--at",
        metavar="BUDGETS",
    )
    calibration: CalibrationSpec = part(
        pipeline_calibration, "calibration", without=("method", "k")
    )
    counted_tokens: int = option(
        "Counted tokens",
        "tokens that the codecs' own bytes are spread over",
        DEFAULT_COUNTED_TOKENS,
        metavar="N",
        low=1,
        suffix=" tokens",
    )
    surrogate: bool = option(
        "Gaussian surrogate",
        "fit every pipeline to a Gaussian of equal mean and covariance too (the null test)",
        default=False,
    )

    def __post_init__(self) -> None:
        if not self.pipelines:
            raise SpecError("a comparison needs at least one pipeline; got none")
        require_ranges(self)
        object.__setattr__(self, "pipelines", tuple(dict.fromkeys(self.pipelines)))


def ordered_pipelines(spec: Asked) -> tuple[Pipeline, ...]:
    """Return the pipelines with those that others are compared with in front."""
    first = spec.budgets.each[0]
    references = (reference_at(one, first) for one in spec.pipelines)
    return tuple(dict.fromkeys((*references, *spec.pipelines)))


def reference_of(pipeline: Pipeline) -> Pipeline:
    """Return what a pipeline is compared with: PCA of each head, or plain rounding per token."""
    return Pipeline.of("pca" if pipeline.keeps_numbers else "rounding")


def reference_at(pipeline: Pipeline, budget: Budget) -> Pipeline:
    """Return what a pipeline is compared with at a budget: at k, PCA of each head at the same k."""
    return reference_of(pipeline) if budget.k is None else Pipeline.of("pca")


@dataclass(frozen=True)
class ComparisonRow:
    """One pipeline at one budget.

    Parameters
    ----------
    pipeline : Pipeline
    asked_bits : float
        The budget in bits per value; of a budget of k, what k numbers take.
    vector_bits, side_bits : float
        What is stored per token, and the codec's own bytes spread over the counted tokens; bits
        per value.
    k : int or None
        Numbers kept per vector, where the pipeline keeps numbers.
    nmse : float
        Squared error over that of the training mean, on the test part of the vectors.
    gap_db : float
        Error over the Gaussian bound at equal bits, everything counted, in dB; NaN where the test
        part has too few tokens to tell its covariance.
    codecs, replaced : int
        Codecs, and how many of them plain PCA or plain rounding replaced.
    reference : Pipeline or None
        What it is compared with; None for a reference itself, and where none fits the budget.
    reference_bits : float or None
        What the reference takes, everything counted: at most what the point takes; of a budget of
        k, what PCA of so many numbers takes.
    change : Change or None
        Of the squared error against the reference, paired, per cent.
    surrogate : Change or None
        The same on a Gaussian of equal mean and covariance.
    quality : Quality or None
        Through the model's cache, where a model is measured.
    against : Compared or None
        What it costs the model minus what the reference of `reference_bits` does.
    weighted_mse, output_error : float or None
        Mean over all heads of the attention-weighted squared error and of the squared error behind
        W_O, on the model's own text; see `tensor_view`.
    asked_k : int or None
        The budget, where it is one of k.
    mse : float
        Squared error per number on the test part, in units of V squared.
    kept : tuple of Pipeline
        What the codecs are, after the judge, each named once.
    """

    pipeline: Pipeline
    asked_bits: float
    vector_bits: float
    side_bits: float
    k: int | None
    nmse: float
    gap_db: float
    codecs: int
    replaced: int = 0
    reference: Pipeline | None = None
    change: Change | None = None
    surrogate: Change | None = None
    quality: Quality | None = None
    against: Compared | None = None
    weighted_mse: float | None = None
    output_error: float | None = None
    reference_bits: float | None = None
    asked_k: int | None = None
    mse: float = math.nan
    kept: tuple[Pipeline, ...] = ()

    @property
    def bits(self) -> float:
        """Bits per value, everything counted."""
        return self.vector_bits + self.side_bits

    @property
    def budget(self) -> Budget:
        """What was asked for."""
        return Budget(self.asked_bits) if self.asked_k is None else Budget(k=self.asked_k)


@dataclass(frozen=True)
class Comparison:
    """Pipelines side by side at each budget.

    Parameters
    ----------
    title : str
        Which vectors, or which model.
    spec : ComparisonSpec or FrontierSpec
    points : tuple of ComparisonRow
        In the order of the pipelines, budgets ascending.
    left_out : tuple of str
        One sentence for each point that its budget is too small for.
    bound : tuple of (float, float)
        Bits per value and NMSE of the Gaussian rate–distortion bound, heads of a layer joined.
    test_tokens : int
        Tokens the errors were measured on.
    split : str
        Which part of the data that is.
    elapsed_s : float
    versions : dict
    audit : tuple of Control
        Of the model's caches; empty where no model is measured.
    scored_tokens, documents : int
        What the model was scored on.
    data : tuple of DataSummary
        The vectors of each layer.
    leaked : tuple of str
        Documents of its text that the codecs were calibrated on: these figures flatter them.
    """

    title: str
    spec: Asked
    points: tuple[ComparisonRow, ...]
    left_out: tuple[str, ...]
    bound: tuple[tuple[float, float], ...]
    test_tokens: int
    split: str
    elapsed_s: float
    versions: dict[str, str] = field(default_factory=dict)
    audit: tuple[Control, ...] = ()
    scored_tokens: int = 0
    documents: int = 0
    data: tuple[DataSummary, ...] = ()
    leaked: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether no control failed."""
        return all(control.passed for control in self.audit)

    @property
    def of_model(self) -> bool:
        """Whether it was measured through a model's cache."""
        return any(point.quality is not None for point in self.points)

    def of(self, pipeline: Pipeline) -> tuple[ComparisonRow, ...]:
        """Return the points of one pipeline, budgets ascending."""
        return tuple(point for point in self.points if point.pipeline == pipeline)

    def point(self, pipeline: Pipeline, asked_bits: float) -> ComparisonRow | None:
        """Return one point, None if it was not measured."""
        return next((p for p in self.of(pipeline) if p.asked_bits == asked_bits), None)


def without_model(spec: Spec) -> Spec:
    """Return a comparison of vectors whose model is not known.

    Of the default pipelines those that need W_O fall away; one that was asked for is refused.

    Raises
    ------
    SpecError
        If a pipeline that was named needs W_O.
    """
    if spec.pipelines == DEFAULT_PIPELINES:
        return replace(spec, pipelines=tuple(p for p in spec.pipelines if not _needs(p)))
    for pipeline in spec.pipelines:
        if _needs(pipeline):
            raise SpecError(
                f"{pipeline.key} needs the W_O of a model, from a capture or a model's name; "
                "these are vectors alone"
            )
    return spec


def _needs(pipeline: Pipeline) -> bool:
    return pipeline.axes is Axes.OUTPUT


@dataclass(frozen=True)
class ComparisonTask(Task):
    """Pipelines at equal budgets, on vectors or through a model's cache as well."""

    command: ClassVar[str] = "compare"
    runner: ClassVar[str] = "proof.tasks:comparison_task"
    shows: ClassVar[str] = (
        "for row in result.points:\n    print(row.pipeline.key, row.bits, row.mse)"
    )

    vectors: VectorSource = part(title="vectors")
    side: str = option(
        "Compress", "of a capture: what to compress", "v", flag="--side", choices=SIDES
    )
    model: str | None = capture_model_option()
    through_model: bool = option(
        "Through the model",
        "measure what each row costs the source's model too, through its cache",
        default=False,
    )
    calibration_texts: tuple[str, ...] = calibration_texts_option()
    join_layers: int = option(
        "Layers joined",
        "of a capture's vectors alone: take the heads of N neighbouring layers together",
        1,
        flag="--join-layers",
        metavar="N",
        low=1,
    )
    texts: tuple[str, ...] = texts_option()
    spec: ComparisonSpec = part(ComparisonSpec, "comparison")
    evaluation: EvalSpec = part(EvalSpec, "evaluation", without=("seed",))
