"""A frontier: a comparison at bits per value, with the model where the source knows one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, part, require_ranges, shared
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.source import VectorSource
from kvsplice_core.tasks.budgets import Budgets
from kvsplice_core.tasks.comparison import (
    Comparison,
    ComparisonRow,
    ComparisonSpec,
    ComparisonTask,
    ordered_pipelines,
)
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.reading import (
    calibration_texts_option,
    capture_model_option,
    texts_option,
    vectors_only_option,
)
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec, pipeline_calibration

DEFAULT_BITS = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 8.0)
FrontierPoint = ComparisonRow
FrontierResult = Comparison


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

    pipelines: tuple[Pipeline, ...] = shared(ComparisonSpec, "pipelines")
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
    counted_tokens: int = shared(ComparisonSpec, "counted_tokens")
    surrogate: bool = shared(ComparisonSpec, "surrogate")

    def __post_init__(self) -> None:
        if not self.pipelines or not self.bits:
            raise SpecError("a frontier needs at least one pipeline and one budget; got none")
        require_ranges(self)
        object.__setattr__(self, "bits", tuple(sorted({float(bits) for bits in self.bits})))
        object.__setattr__(self, "pipelines", tuple(dict.fromkeys(self.pipelines)))

    @property
    def budgets(self) -> Budgets:
        """The bits, as a comparison takes them."""
        return Budgets("bits", self.bits)

    @property
    def ordered_pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines with those that others are compared with in front."""
        return ordered_pipelines(self)


@dataclass(frozen=True)
class FrontierTask(Task):
    """Whole pipelines at equal bits per value, on vectors or through a model's cache."""

    command: ClassVar[str] = "frontier"
    runner: ClassVar[str] = "proof.tasks:frontier_task"
    shows: ClassVar[str] = (
        "for point in result.points:\n    print(point.pipeline.key, point.bits, point.nmse)"
    )

    vectors: VectorSource = part(title="vectors")
    side: str = shared(ComparisonTask, "side")
    model: str | None = capture_model_option()
    vectors_only: bool = vectors_only_option()
    calibration_texts: tuple[str, ...] = calibration_texts_option()
    join_layers: int = shared(ComparisonTask, "join_layers")
    texts: tuple[str, ...] = texts_option()
    spec: FrontierSpec = part(FrontierSpec, "frontier")
    evaluation: EvalSpec = part(EvalSpec, "evaluation", without=("seed",))
