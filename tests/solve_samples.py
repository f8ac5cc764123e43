"""Plausible solved budgets, made of plain numbers."""

from __future__ import annotations

from dataclasses import replace

from kvsplice_core.data.capture import Sides
from kvsplice_core.tasks.allot import Offer, Unit
from kvsplice_core.tasks.compared import Compared
from kvsplice_core.tasks.evaluate import Control
from kvsplice_core.tasks.solve import DEFAULT_PIPELINE, Choice, Share, SolveResult, SolveSpec, Trial
from tests import quality_samples
from tests.quality_samples import around, quality

LEAST, MOST = 1, 8
GAIN = Compared(around(-0.02, 0.01), around(-0.02, 0.005))
TIE = Compared(around(0.0, 0.01), around(0.0, 0.01))
DISAGREEMENT = Compared(around(-0.02, 0.01), around(0.02, 0.01))


def unit(cost: float) -> Unit:
    """Return a codec of 64 numbers whose error falls by 6 dB a bit."""
    offers = tuple(Offer(bits, bits, 0.5 * 4.0**-bits) for bits in range(LEAST, MOST + 1))
    return Unit(64, offers, cost, offers[1].error)


def shares(side: str = "v", layers: int = 4, heads: int = 4) -> tuple[Share, ...]:
    """Return a codec for each head; later layers are more sensitive, and get more."""
    return tuple(
        Share(
            side, layer, (head,), unit(1e-3 * 4.0**layer), asked=1.0 + layer, bits=1.0 + layer,
            k=16 * (layer + 1), kept=DEFAULT_PIPELINE, nmse=0.01,
        )
        for layer in range(layers)
        for head in range(heads)
    )  # fmt: skip


def choice(chosen: Compared, reported: Compared, *, apart: bool = True) -> Choice:
    """Return a choice on documents apart from those that are reported on, or on all of them."""
    halves = (("a", "c", "e"), ("b", "d", "f")) if apart else (("a", "b"),) * 2
    return Choice(*halves, chosen, reported, quality(0.04, 0.03))


def result(
    spec: SolveSpec | None = None,
    audit: tuple[Control, ...] = quality_samples.PASSED,
    **fields: object,
) -> SolveResult:
    """Return a solved budget of 2.5 bits that gains a little over the same bits for all."""
    spec = spec or SolveSpec(bits=2.5)
    sides = spec.sides.names
    solved = Trial((2.5,), 2.5, even=False, quality=quality(0.04, 0.03))
    even = Trial((2.5,), 2.5, even=True, quality=quality(0.06, 0.05))
    made = SolveResult(
        model=quality_samples.FACTS.model,
        spec=spec,
        shares=tuple(share for side in sides for share in shares(side)),
        bits=dict.fromkeys(sides, 2.5),
        kept_even=False,
        solved=solved,
        even=even,
        choice=choice(GAIN, GAIN),
        trials=(solved, even),
        evaluation=replace(quality_samples.evaluation(audit), continuation=None),
        probes=("a", "b"),
        probed_on_checked=False,
        elapsed_s=60.0,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


BOTH = SolveSpec(bits=2.5, sides=Sides.BOTH)
