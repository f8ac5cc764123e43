"""What is asked of the solver; free of torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kvsplice_core.capture.specs import Sides
from kvsplice_core.errors import SpecError
from kvsplice_core.pipelines.results import DEFAULT_COUNTED_TOKENS
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.quality.specs import SENSITIVITY_TOKENS, EvalSpec
from kvsplice_core.specs import PIPELINE_RECIPE, SAMPLE_BUDGET, CalibrationSpec

DEFAULT_PIPELINE = Pipeline.of("joined+lloyd-max")
MOST_BITS = 16


@dataclass(frozen=True)
class SolveSpec:
    """A budget to share among the codecs of a model, or a loss to stay below.

    Parameters
    ----------
    pipeline : Pipeline
        Of every codec.
    bits : float, optional
        Mean bits per value of what `sides` names, everything counted; above 0 and at most 16.
    key_bits : float, optional
        A budget of K's own; `bits` is V's then.
    max_dnll : float, optional
        In place of `bits`: the fewest bits whose ΔNLL, the upper end of its 95 % interval over
        the documents, is at most this; nats per token, above 0.
    sides : Sides
        What is compressed; of both, V and K share `bits` unless K has its own.
    calibration : CalibrationSpec
        How a transform is learnt, and how the vectors are cut into parts.
    evaluation : EvalSpec
        How the text is read.
    counted_tokens : int
        Tokens that a codec's own bytes are spread over.
    budget : int
        Vectors of a layer, all heads counted, that codecs learn from at most.
    probe_tokens : int
        Tokens that each codec's sensitivity is measured on.

    Raises
    ------
    SpecError
        If there is neither a budget nor a loss, or both, or one lies outside its range.
    """

    pipeline: Pipeline = DEFAULT_PIPELINE
    bits: float | None = None
    key_bits: float | None = None
    max_dnll: float | None = None
    sides: Sides = Sides.V
    calibration: CalibrationSpec = field(
        default_factory=lambda: CalibrationSpec(recipe=PIPELINE_RECIPE)
    )
    evaluation: EvalSpec = field(default_factory=EvalSpec)
    counted_tokens: int = DEFAULT_COUNTED_TOKENS
    budget: int = SAMPLE_BUDGET
    probe_tokens: int = SENSITIVITY_TOKENS

    def __post_init__(self) -> None:
        if (self.bits is None) == (self.max_dnll is None):
            raise SpecError(
                "a solver needs either bits per value or a largest ΔNLL; got " + self._got
            )
        for bits in (self.bits, self.key_bits):
            if bits is not None and not 0 < bits <= MOST_BITS:
                raise SpecError(f"bits per value must lie above 0 and be at most 16; got {bits}")
        if self.max_dnll is not None and not 0 < self.max_dnll < math.inf:
            raise SpecError(f"the largest ΔNLL must be a number above 0; got {self.max_dnll}")
        if self.key_bits is not None and (self.bits is None or self.sides is not Sides.BOTH):
            raise SpecError("bits of K's own go with bits of V and with both sides")
        if self.counted_tokens < 1:
            raise SpecError(f"the counted tokens must be at least 1; got {self.counted_tokens}")

    @property
    def _got(self) -> str:
        return "neither" if self.bits is None else "both"

    @property
    def pools(self) -> tuple[tuple[tuple[str, ...], float | None], ...]:
        """The sides that share a budget, and that budget; None where a loss bounds it."""
        if self.key_bits is not None:
            return (("v",), self.bits), (("k",), self.key_bits)
        return ((self.sides.names, self.bits),)
