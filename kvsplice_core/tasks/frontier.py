"""What a frontier reports: frozen values, free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.options import option, part, require_ranges
from kvsplice_core.codec.kinds import Axes
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.data.source import VectorSource
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.reading import (
    calibration_texts_option,
    capture_model_option,
    texts_option,
    vectors_only_option,
)
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec, pipeline_calibration

if TYPE_CHECKING:
    from kvsplice_core.tasks.compared import Compared
    from kvsplice_core.tasks.evaluate import Control, Quality

SIDES = ("v", "k")
"""Sides of a cache that vectors are taken of, by key."""
DEFAULT_BITS = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 8.0)
DEFAULT_COUNTED_TOKENS = 131_072
"""Tokens a codec's own numbers are spread over: one context of 128 k tokens."""


@dataclass(frozen=True)
class FrontierSpec:
    """Which pipelines at which budgets.

    Parameters
    ----------
    pipelines : tuple of Pipeline
    bits : tuple of float
        Bits per value, each above 0 and at most 16; sorted and freed of repeats.
    calibration : CalibrationSpec
        How a transform is learnt, and how the vectors are cut into parts.
    counted_tokens : int
        Tokens that a codec's own bytes are spread over.
    surrogate : bool
        Whether every pipeline is also fitted to a Gaussian of equal mean and covariance.

    Raises
    ------
    SpecError
        If there is no pipeline or no budget, or one lies outside its range.
    """

    pipelines: tuple[Pipeline, ...] = option(
        "Pipelines",
        "words joined by +, such as pca,rounding,joined+output+lloyd-max; of vectors without a "
        "model those that need its W_O are left out",
        DEFAULT_PIPELINES,
    )
    bits: tuple[float, ...] = option(
        "Bits per value",
        "budgets in bits per value, everything counted",
        DEFAULT_BITS,
        flag="--bits",
        above=0,
        high=16,
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
        if not self.pipelines or not self.bits:
            raise SpecError("a frontier needs at least one pipeline and one budget; got none")
        require_ranges(self)
        object.__setattr__(self, "bits", tuple(sorted({float(bits) for bits in self.bits})))
        object.__setattr__(self, "pipelines", tuple(dict.fromkeys(self.pipelines)))

    @property
    def ordered_pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines with those that others are compared with in front."""
        references = tuple(dict.fromkeys(reference_of(one) for one in self.pipelines))
        return tuple(dict.fromkeys((*references, *self.pipelines)))


def reference_of(pipeline: Pipeline) -> Pipeline:
    """Return what a pipeline is compared with: PCA of each head, or plain rounding per token."""
    return Pipeline.of("pca" if pipeline.keeps_numbers else "rounding")


@dataclass(frozen=True)
class FrontierPoint:
    """One pipeline at one budget.

    Parameters
    ----------
    pipeline : Pipeline
    asked_bits : float
        The budget, bits per value.
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
        What the reference takes, everything counted: at most what the point takes.
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

    @property
    def bits(self) -> float:
        """Bits per value, everything counted."""
        return self.vector_bits + self.side_bits


@dataclass(frozen=True)
class FrontierResult:
    """All points of a frontier.

    Parameters
    ----------
    title : str
        Which vectors, or which model.
    spec : FrontierSpec
    points : tuple of FrontierPoint
        In the order of the pipelines, bits ascending.
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
    spec: FrontierSpec
    points: tuple[FrontierPoint, ...]
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

    def of(self, pipeline: Pipeline) -> tuple[FrontierPoint, ...]:
        """Return the points of one pipeline, bits ascending."""
        return tuple(point for point in self.points if point.pipeline == pipeline)

    def point(self, pipeline: Pipeline, asked_bits: float) -> FrontierPoint | None:
        """Return one point, None if it was not measured."""
        return next((p for p in self.of(pipeline) if p.asked_bits == asked_bits), None)


def without_model(spec: FrontierSpec) -> FrontierSpec:
    """Return a frontier of vectors whose model is not known.

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
class FrontierTask(Task):
    """Whole pipelines at equal bits per value, on vectors or through a model's cache."""

    command: ClassVar[str] = "frontier"
    runner: ClassVar[str] = "proof.tasks:frontier_task"
    shows: ClassVar[str] = (
        "for point in result.points:\n    print(point.pipeline.key, point.bits, point.nmse)"
    )

    vectors: VectorSource = part(title="vectors")
    side: str = option(
        "Compress", "of a capture: what to compress", "v", flag="--side", choices=SIDES
    )
    model: str | None = capture_model_option()
    vectors_only: bool = vectors_only_option()
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
    spec: FrontierSpec = part(FrontierSpec, "frontier")
    evaluation: EvalSpec = part(EvalSpec, "evaluation", without=("seed",))
