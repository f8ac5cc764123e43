"""Cards at tried budgets, each scored through the cache on the same text."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from kvsplice_core.base.progress import Step, relay
from kvsplice_core.fit.card import card_of
from kvsplice_core.fit.layer import LayerFit, LayerValues
from kvsplice_core.fit.layers import Fits, Fitter, Key, Place
from kvsplice_core.proof.bench import Bench
from kvsplice_core.proof.frontier import model_layers
from kvsplice_core.proof.intervals import quality_of
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.tasks.allot import Unit
from kvsplice_core.tasks.solve import Share, SolveSpec, Trial

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture_file import Capture

Budgets = tuple[float, ...]
"""Bits per value of each pool of sides that share them."""

EVERY_TRIAL = "every trial"
"""The name that what attention read in trials stands under."""


@dataclass(frozen=True, eq=False)
class Made:
    """A card at a budget, and what it costs.

    Parameters
    ----------
    trial : Trial
    asked : mapping of Key to float
        The budget of each codec, bits per value.
    fits : mapping of (side, layer) to LayerFit
    card : Card
    scores : TextScores
    """

    trial: Trial
    asked: Mapping[Key, float]
    fits: Fits
    card: Card
    scores: TextScores


class Trials:
    """Makes cards, and remembers what they cost.

    Parameters
    ----------
    bench : Bench
        Where every card is scored.
    capture : Capture
    spec : SolveSpec
    notes : mapping
        What each card's `info` says besides.
    """

    def __init__(
        self, bench: Bench, capture: Capture, spec: SolveSpec, notes: Mapping[str, object]
    ) -> None:
        self._bench, self._capture, self._spec, self._notes = bench, capture, spec, notes
        layers: dict[Place, LayerValues] = {}
        for side in spec.sides.names:
            layers |= model_layers(bench.language, capture, side, spec.budget)
        self.fitter = Fitter(layers, spec.pipeline, spec.calibration, spec.counted_tokens)
        self.done: list[Trial] = []

    def make(
        self, asked: Mapping[Key, float], budgets: Budgets, even: bool
    ) -> Generator[Step[Trial], None, Made]:
        """Fit a card, and score it on the documents."""
        bits = " and ".join(f"{budget:.3g}" for budget in budgets)
        name = f"{bits} bits, {'the same for all' if even else 'shared'}"
        fits = yield from relay(self.fitter.fit(asked), lambda _: Step(name, 0.0))
        card = self.card(fits)
        scoring = self._bench.score(card, EVERY_TRIAL)
        measured = yield from relay(scoring, lambda text: Step(f"{name}: {text}", 0.0))
        quality = quality_of(measured.scores, self._spec.evaluation.seed)
        # Every layer holds as many values.
        mean = fmean(fit.counted.total for fit in fits.values())
        trial = Trial(budgets, mean, even, quality)
        self.done.append(trial)
        yield Step(name, 0.0, trial)
        return Made(trial, asked, fits, card, measured.scores)

    def card(self, fits: Fits) -> Card:
        """Return the card of fitted layers."""
        spec = self._spec
        return card_of(
            self._capture, fits, spec.pipeline, spec.calibration, spec.counted_tokens, self._notes
        )


def shares_of(made: Made, fitter: Fitter, units: Mapping[Key, Unit]) -> Iterator[Share]:
    """Return what every codec of a card was given."""
    for place, fit in made.fits.items():
        for key, one in zip(fitter.keys(place), fit.groups, strict=True):
            yield Share(
                side=place[0],
                layer=place[1],
                heads=_heads(fit, key[2]),
                unit=units[key],
                asked=made.asked[key],
                bits=one.counted.total,
                k=one.codec.k,
                kept=one.kept,
                nmse=one.nmse,
            )


def _heads(fit: LayerFit, group: int) -> tuple[int, ...]:
    if len(fit.groups) == 1:
        return tuple(range(fit.codecs.heads))
    span = fit.codecs.span
    return tuple(range(group * span, (group + 1) * span))
