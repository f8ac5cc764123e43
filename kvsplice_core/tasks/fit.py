"""Making a codec, or the card of a capture, as a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, part, require_ranges
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.data.source import VectorSource
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec


@dataclass(frozen=True)
class FitTask(Task):
    """One codec; of a whole capture, those of all layers and heads as a card.

    Raises
    ------
    SpecError
        If there is a pipeline without bits, or bits without a pipeline.
    """

    command: ClassVar[str] = "fit"
    runner: ClassVar[str] = "proof.tasks:fit_task"
    writes: ClassVar[tuple[str, ...]] = ("--out", "codec.safetensors")

    vectors: VectorSource = part(title="vectors")
    calibration: CalibrationSpec = part(CalibrationSpec, "calibration")
    pipeline: Pipeline | None = option(
        "Pipeline",
        "in place of --method and --k: words joined by +, such as joined+lloyd-max; see kvsplice "
        "frontier",
        None,
        metavar="WORDS",
        unset="none",
    )
    bits: float | None = option(
        "Bits per value",
        "bits per value of the pipeline, everything counted; one that keeps 16-bit numbers gets "
        "the k of its bits per token, its codec comes on top",
        None,
        flag="--bits",
        metavar="B",
        above=0,
        high=16,
        unset="none",
    )
    sides: Sides | None = option(
        "Compress",
        "of a capture: what the card compresses",
        None,
        flag="--kv",
        unset="what the capture holds",
    )
    layers: tuple[int, ...] | None = option(
        "Layers",
        "of a capture: the layers the card compresses, such as 0-3,5",
        None,
        low=0,
        ranges=True,
        unset="all",
    )

    def __post_init__(self) -> None:
        require_ranges(self)
        if (self.pipeline is None) != (self.bits is None):
            raise SpecError("a pipeline and its bits go together: --pipeline WORDS --bits B")
