"""What the solver reports: frozen values, free of torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, part, require_ranges
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.data.source import VectorSource
from kvsplice_core.data.summary import SAMPLE_BUDGET
from kvsplice_core.tasks.allot import Unit, allot
from kvsplice_core.tasks.budgets import DEFAULT_COUNTED_TOKENS
from kvsplice_core.tasks.evaluate import SENSITIVITY_TOKENS, EvalSpec
from kvsplice_core.tasks.reading import (
    calibration_texts_option,
    capture_model_option,
    texts_option,
    vectors_only_option,
)
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec, pipeline_calibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kvsplice_core.base.model_facts import ModelFacts
    from kvsplice_core.codec.pipeline import Pipeline
    from kvsplice_core.tasks.compared import Compared
    from kvsplice_core.tasks.evaluate import EvalResult, Quality


@dataclass(frozen=True)
class Share:
    """What one codec was given.

    Parameters
    ----------
    side : str
        ``v`` or ``k``.
    layer : int
    heads : tuple of int
        Those it codes.
    unit : Unit
        What it could be given, and its sensitivity: KL with it alone compressed, nats per token.
    asked : float
        Its budget, bits per value.
    bits : float
        What it takes, everything counted.
    k : int
        Numbers kept per vector.
    kept : Pipeline
        What the validation part chose: the pipeline, or something simpler.
    nmse : float
        Squared error over that of the training mean, on the capture's test documents.
    """

    side: str
    layer: int
    heads: tuple[int, ...]
    unit: Unit
    asked: float
    bits: float
    k: int
    kept: Pipeline
    nmse: float


@dataclass(frozen=True)
class Trial:
    """An allotment measured through the cache.

    Parameters
    ----------
    budgets : tuple of float
        Bits per value it was made for, of each pool of `SolveSpec.pools`.
    bits : float
        Mean bits per value it takes, everything counted, over all sides compressed.
    even : bool
        Whether every codec was given the same.
    quality : Quality
    """

    budgets: tuple[float, ...]
    bits: float
    even: bool
    quality: Quality


@dataclass(frozen=True)
class Choice:
    """How the solved allotment was chosen over the even one, or not.

    Parameters
    ----------
    chosen_on, reported_on : tuple of str
        Documents: every other one and the rest, or both times all where there are fewer than 4.
    chosen, reported : Compared
        The solved allotment minus the even one: what chose, and the same on the documents that
        are reported on.
    quality : Quality
        Of the allotment that was kept, on those.
    """

    chosen_on: tuple[str, ...]
    reported_on: tuple[str, ...]
    chosen: Compared
    reported: Compared
    quality: Quality

    @property
    def is_apart(self) -> bool:
        """Whether the documents that are reported on are others than those that chose."""
        return self.chosen_on != self.reported_on


@dataclass(frozen=True)
class SolveResult:
    """An allotment, checked end to end.

    Parameters
    ----------
    model : ModelFacts
    spec : SolveSpec
    shares : tuple of Share
        Of the allotment that was kept.
    bits : mapping of str to float
        Mean bits per value, everything counted, by side.
    kept_even : bool
        Whether the even allotment was kept, because the solved one is no clear gain over it.
    solved, even : Trial
        Both at the same mean bits; `even` is None where not all codecs can be given so little.
    choice : Choice or None
        The solved allotment beside the even one.
    trials : tuple of Trial
        All that was measured, in order.
    evaluation : EvalResult
        Of the card that was kept, audited.
    probes : tuple of str
        Documents the sensitivities were measured on.
    probed_on_checked : bool
        Whether they are among the documents of the evaluation.
    elapsed_s : float
    leaked : tuple of str
        Documents of its text that the codecs were calibrated on: these figures flatter them.
    """

    model: ModelFacts
    spec: SolveSpec
    shares: tuple[Share, ...]
    bits: Mapping[str, float]
    kept_even: bool
    solved: Trial
    even: Trial | None
    choice: Choice | None
    trials: tuple[Trial, ...]
    evaluation: EvalResult
    probes: tuple[str, ...]
    probed_on_checked: bool
    elapsed_s: float
    leaked: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether no control failed."""
        return self.evaluation.is_valid

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides that are compressed."""
        return tuple(dict.fromkeys(share.side for share in self.shares))

    @property
    def apart(self) -> Choice | None:
        """The choice, where documents are reported on that had no part in anything.

        A largest loss is held on all documents, so that all have a part in what is kept.
        """
        choice = self.choice
        is_apart = choice is not None and choice.is_apart and self.spec.max_dnll is None
        return choice if is_apart else None

    def head_map(self, side: str) -> NDArray[np.float64]:
        """Return the bits per value of every head (layers, heads); NaN where it stays dense."""
        return _map(self, side, [share.bits for share in self.shares])

    def budget_of(self, side: str) -> float:
        """Return the budget of a side that was solved for, or found to hold the loss."""
        pools = (sides for sides, _ in self.spec.pools)
        found = zip(pools, self.solved.budgets, strict=True)
        return next(bits for sides, bits in found if side in sides)

    def allotted(
        self, bits: float, key_bits: float | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return the map of each side that another budget would give, at once, unchecked.

        Where K has a budget of its own, `key_bits` takes its place; else K is given `bits` too.

        Raises
        ------
        SpecError
            If it is too small.
        """
        asked: dict[int, float] = {}
        for sides, _ in self.spec.pools:
            own = [i for i, share in enumerate(self.shares) if share.side in sides]
            budget = bits if key_bits is None or sides != ("k",) else key_bits
            given = allot([self.shares[i].unit for i in own], budget)
            asked |= dict(zip(own, given, strict=True))
        numbers = [asked[i] for i in range(len(self.shares))]
        return {side: _map(self, side, numbers) for side in self.sides}


def _map(result: SolveResult, side: str, numbers: list[float]) -> NDArray[np.float64]:
    found = np.full((result.model.layers, result.model.kv_heads), np.nan)
    for share, number in zip(result.shares, numbers, strict=True):
        if share.side == side:
            found[share.layer, list(share.heads)] = number
    return found


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

    pipeline: Pipeline = option(
        "Pipeline",
        "of every codec, such as joined+output+lloyd-max",
        DEFAULT_PIPELINE,
        metavar="WORDS",
    )
    bits: float | None = option(
        "Bits per value",
        "mean bits per value, everything counted",
        None,
        flag="--bits",
        metavar="B",
        above=0,
        high=MOST_BITS,
    )
    key_bits: float | None = option(
        "Bits of K",
        "compress K too, at a budget of its own",
        None,
        metavar="B",
        above=0,
        high=MOST_BITS,
    )
    max_dnll: float | None = option(
        "Largest ΔNLL",
        "the fewest bits whose ΔNLL, upper end of its 95 % interval, is at most X nats",
        None,
        metavar="X",
        above=0,
    )
    sides: Sides = option(
        "Compress",
        "what to compress; both share --bits; with --key-bits both",
        Sides.V,
        flag="--side",
    )
    calibration: CalibrationSpec = part(
        pipeline_calibration, "calibration", without=("method", "k")
    )
    evaluation: EvalSpec = part(EvalSpec, "evaluation", without=("seed",))
    counted_tokens: int = option(
        "Counted tokens",
        "tokens that a codec's own bytes are spread over",
        DEFAULT_COUNTED_TOKENS,
        metavar="N",
        low=1,
        suffix=" tokens",
    )
    budget: int = option(
        "At most",
        "vectors of a layer, all heads counted, that codecs learn from at most",
        SAMPLE_BUDGET,
        metavar="N",
        low=16,
        suffix=" vectors",
    )
    probe_tokens: int = option(
        "Tokens of sensitivities",
        "tokens that each codec's sensitivity is measured on",
        SENSITIVITY_TOKENS,
        metavar="N",
        low=2,
    )

    def __post_init__(self) -> None:
        if (self.bits is None) == (self.max_dnll is None):
            raise SpecError(
                "a solver needs either bits per value or a largest ΔNLL; got " + self._got
            )
        require_ranges(self)
        if self.key_bits is not None and (self.bits is None or self.sides is not Sides.BOTH):
            raise SpecError("bits of K's own go with bits of V and with both sides")

    @property
    def _got(self) -> str:
        return "neither" if self.bits is None else "both"

    @property
    def pools(self) -> tuple[tuple[tuple[str, ...], float | None], ...]:
        """The sides that share a budget, and that budget; None where a loss bounds it."""
        if self.key_bits is not None:
            return (("v",), self.bits), (("k",), self.key_bits)
        return ((self.sides.names, self.bits),)


@dataclass(frozen=True)
class SolveTask(Task):
    """A budget of bits shared among layers and heads by what they cost."""

    command: ClassVar[str] = "solve"
    runner: ClassVar[str] = "proof.tasks:solve_task"
    shows: ClassVar[str] = (
        "for share in result.result.shares:\n"
        "    print(share.side, share.layer, share.heads, share.bits, share.nmse)\n"
        'save_card(result.card, "card.safetensors")'
    )
    shown_by: ClassVar[tuple[str, ...]] = ("save_card",)

    vectors: VectorSource = part(title="vectors", without=("budget",))
    spec: SolveSpec = part(title="budget")
    model: str | None = capture_model_option()
    vectors_only: bool = vectors_only_option()
    calibration_texts: tuple[str, ...] = calibration_texts_option()
    texts: tuple[str, ...] = texts_option()

    def __post_init__(self) -> None:
        # One seed for all: the calibration's draws the bootstrap too.
        evaluation = replace(self.spec.evaluation, seed=self.spec.calibration.seed)
        object.__setattr__(self, "spec", replace(self.spec, evaluation=evaluation))
