"""Which codec gets how many bits, by what each of them costs the model; checked end to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from kvsplice_core.errors import SpecError
from kvsplice_core.pipelines.allotting import Offer, Unit, allot, allot_evenly, mean_of
from kvsplice_core.pipelines.cards import card_of
from kvsplice_core.pipelines.layer import LayerFit, LayerValues
from kvsplice_core.pipelines.offers import Fits, Fitter, Key, Offers, Place
from kvsplice_core.progress import relay
from kvsplice_core.quality.controls import reads
from kvsplice_core.quality.curve import require_capture_of
from kvsplice_core.quality.evaluation import evaluate
from kvsplice_core.quality.frontier import model_layers
from kvsplice_core.quality.intervals import paired_difference, quality_of
from kvsplice_core.quality.leakage import leaks_of_card
from kvsplice_core.quality.probing import sensitivities
from kvsplice_core.quality.reading import CacheReader
from kvsplice_core.quality.requirements import require_provable
from kvsplice_core.quality.scoring import BaseLogProbs, TextScores, score_text
from kvsplice_core.quality.solve_results import (
    AgainstEven,
    Share,
    SolveResult,
    SolveSpec,
    SolveStep,
    Trial,
)
from kvsplice_core.quality.watching import ReadErrors
from kvsplice_core.quality.windows import text_windows

if TYPE_CHECKING:
    from kvsplice_core.capture.file import Capture
    from kvsplice_core.card import Card
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.quality.results import EvalResult

Budgets = tuple[float, ...]
"""Bits per value of each pool of sides that share them."""

Allotment = Callable[[Sequence[Unit], float], tuple[float, ...]]

_TINY = np.finfo(np.float64).tiny
_PROBE_BITS = 2.5
"""Where sensitivities are measured when a loss is asked for and no budget is known."""
_HALVINGS = 6
_OFFERS, _PROBES, _TRIALS = 0.4, 0.15, 0.3
"""Shares of the whole time, for the progress; the evaluation has the rest."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The card, and how it was found."""

    card: Card
    result: SolveResult


Solving = Generator[SolveStep, None, Solution]


def solve(
    language: LanguageModel,
    capture: Capture,
    documents: Sequence[Document],
    spec: SolveSpec,
    probes: Sequence[Document] = (),
) -> Solving:
    """Share a budget of bits among the codecs of a model.

    Every codec's error is measured at a grid of budgets on the capture's validation documents, and
    its sensitivity through the cache: the KL with it alone compressed. A codec is taken to cost in
    proportion to its error; bits go where they save most. The card is then scored on the documents
    beside the one that gives every codec the same, and that one is kept unless ours is a clear
    gain. A generator: it yields progress and returns card and result; closing it cancels.

    Parameters
    ----------
    language : LanguageModel
    capture : Capture
        Vectors of this very model.
    documents : sequence of Document
        Held-out text.
    spec : SolveSpec
    probes : sequence of Document
        Text that sensitivities are measured on; `documents` where there is none.

    Raises
    ------
    LanguageModelError
        If the capture is of other weights, or holds K before its rotary embedding where K is
        compressed; if the model cannot be audited.
    SpecError
        If the budget is too small, or no budget keeps the loss.
    """
    for side in spec.sides.names:
        require_capture_of(language, capture, side)
    solver = _Solver(language, capture, documents, probes or documents, spec)
    return (yield from solver.run())


@dataclass(frozen=True, eq=False)
class _Made:
    """A card at a budget, and what it costs."""

    trial: Trial
    asked: Mapping[Key, float]
    fits: Fits
    card: Card
    scores: TextScores


class _Solver:
    """What the steps share."""

    def __init__(
        self,
        language: LanguageModel,
        capture: Capture,
        documents: Sequence[Document],
        probes: Sequence[Document],
        spec: SolveSpec,
    ) -> None:
        self._started = time.monotonic()
        self._language, self._capture, self._spec = language, capture, spec
        self._documents, self._probes = documents, probes
        wanted = spec.evaluation
        self._windows = text_windows(language, documents, wanted.tokens, wanted.context)
        self._reader = CacheReader.of(language, wanted)
        require_provable(self._reader, self._windows)
        self._base, self._watch = BaseLogProbs(language), ReadErrors()
        layers: dict[Place, LayerValues] = {}
        for side in spec.sides.names:
            layers |= model_layers(language, capture, side, spec.budget)
        self._fitter = Fitter(layers, spec.pipeline, spec.calibration, spec.counted_tokens)
        self._units: dict[Key, Unit] = {}
        self._trials: list[Trial] = []
        self._count = 2 if spec.max_dnll is None else _HALVINGS + 2

    def run(self) -> Solving:
        """Measure, share, check."""
        work = self._fitter.offers()
        offers = yield from relay(work, lambda share: SolveStep("errors", _OFFERS * share))
        self._units = yield from self._probed(offers)
        budgets, solved = yield from self._solved()
        even = yield from self._even(budgets)
        against = None if even is None else self._compared(solved, even)
        keeps_even = even is not None and against is not None and not against.is_gain
        kept = even if even and keeps_even and self._holds(even.trial) else solved
        evaluation = yield from self._evaluated(kept.card)
        return Solution(
            self._proven(kept.card, evaluation),
            SolveResult(
                model=self._capture.facts.model,
                spec=self._spec,
                shares=tuple(self._shares(kept)),
                bits=bits_by_side(kept.fits),
                kept_even=kept is even,
                solved=solved.trial,
                even=None if even is None else even.trial,
                against=against,
                trials=tuple(self._trials),
                evaluation=evaluation,
                probes=tuple(document.name for document in self._probes),
                probed_on_checked=not {d.sha256 for d in self._probes}.isdisjoint(
                    d.sha256 for d in self._documents
                ),
                elapsed_s=time.monotonic() - self._started,
            ),
        )

    def _probed(self, offers: Offers) -> Generator[SolveStep, None, dict[Key, Unit]]:
        """Measure the sensitivity of every codec near the budget."""
        asked = {key: _nearest(own, self._near(key[0])) for key, own in offers.items()}
        fits = yield from relay(
            self._fitter.fit(asked), lambda _: SolveStep("sensitivities", _OFFERS)
        )
        context = self._spec.evaluation.context
        windows = text_windows(self._language, self._probes, self._spec.probe_tokens, context)
        work = sensitivities(self._reader, self._card(fits), list(offers), windows)
        found = yield from relay(work, lambda step: SolveStep(step[0], _OFFERS + _PROBES * step[1]))
        return {
            key: Unit(self._fitter.values(key[:2]), own, found[key], error_at(own, asked[key]))
            for key, own in offers.items()
        }

    def _near(self, side: str) -> float:
        return next(bits for sides, bits in self._spec.pools if side in sides) or _PROBE_BITS

    def _solved(self) -> Generator[SolveStep, None, tuple[Budgets, _Made]]:
        if self._spec.max_dnll is None:
            budgets = tuple(bits for _, bits in self._spec.pools if bits is not None)
            return budgets, (yield from self._made(self._allotted(budgets, allot), budgets))
        return (yield from self._fewest())

    def _fewest(self) -> Generator[SolveStep, None, tuple[Budgets, _Made]]:
        """Halve the range of budgets to the fewest bits that hold the bound."""
        units = list(self._units.values())
        low = mean_of(units, [unit.offers[0].bits for unit in units])
        high = mean_of(units, [unit.offers[-1].bits for unit in units])
        best = yield from self._made(self._allotted((high,), allot), (high,))
        if not self._holds(best.trial):
            raise SpecError(
                f"the largest ΔNLL must be one that {high:.3g} bits per value hold, up to "
                f"{best.trial.quality.delta_nll.high:.3g} here; got {self._spec.max_dnll}"
            )
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            made = yield from self._made(self._allotted((middle,), allot), (middle,))
            if self._holds(made.trial):
                high, best = middle, made
            else:
                low = middle
        return (high,), best

    def _holds(self, trial: Trial) -> bool:
        most = self._spec.max_dnll
        return most is None or trial.quality.delta_nll.high <= most

    def _even(self, budgets: Budgets) -> Generator[SolveStep, None, _Made | None]:
        try:
            asked = self._allotted(budgets, allot_evenly)
        except SpecError:  # the least budget that all codecs can be given is more
            return None
        return (yield from self._made(asked, budgets, even=True))

    def _allotted(self, budgets: Budgets, share: Allotment) -> dict[Key, float]:
        """Share each budget among the codecs of its sides."""
        asked: dict[Key, float] = {}
        for (sides, _), bits in zip(self._spec.pools, budgets, strict=True):
            own = {key: unit for key, unit in self._units.items() if key[0] in sides}
            asked |= dict(zip(own, share(list(own.values()), bits), strict=True))
        return asked

    def _made(
        self, asked: Mapping[Key, float], budgets: Budgets, *, even: bool = False
    ) -> Generator[SolveStep, None, _Made]:
        """Fit a card, and score it on the documents."""
        name = " and ".join(f"{bits:.3g}" for bits in budgets)
        name = f"{name} bits, {'the same for all' if even else 'shared'}"
        done = min(len(self._trials), self._count - 1) / self._count
        shown = SolveStep(name, _OFFERS + _PROBES + _TRIALS * done)
        fits = yield from relay(self._fitter.fit(asked), lambda _: shown)
        card = self._card(fits)
        reader = self._reader.watched_by(self._watch)
        scoring = score_text(reader, card, self._windows, self._base)
        scores = yield from relay(scoring, lambda text: replace(shown, text=f"{name}: {text}"))
        quality = quality_of(scores, self._spec.evaluation.seed)
        self._trials.append(Trial(budgets, mean_of_fits(fits), even, quality))
        yield replace(shown, trial=self._trials[-1])
        return _Made(self._trials[-1], asked, fits, card, scores)

    def _compared(self, solved: _Made, even: _Made) -> AgainstEven:
        seed, pair = self._spec.evaluation.seed, (solved.scores, even.scores)
        kl = paired_difference(*pair, seed, attrgetter("kl"))
        return AgainstEven(paired_difference(*pair, seed), kl)

    def _card(self, fits: Fits) -> Card:
        spec = self._spec
        notes = {"budget": spec.budget, "probes": [one.name for one in self._probes]}
        return card_of(
            self._capture, fits, spec.pipeline, spec.calibration, spec.counted_tokens, notes
        )

    def _evaluated(self, card: Card) -> Generator[SolveStep, None, EvalResult]:
        """Audit the card that was kept; what the trials read stands with its controls."""
        start = _OFFERS + _PROBES + _TRIALS
        spec = replace(self._spec.evaluation, continuation_tokens=0)
        work = evaluate(self._language, card, self._documents, spec)
        result = yield from relay(
            work, lambda step: SolveStep(step.text, start + (1 - start) * step.fraction)
        )
        tried = reads(self._watch)
        tried = replace(tried, claim=f"every trial: {tried.claim}")
        return replace(result, audit=(*result.audit, tried))

    def _proven(self, card: Card, evaluation: EvalResult) -> Card:
        leaked = leaks_of_card(card, self._documents)
        return replace(card, proofs=(evaluation.summary() | {"leaked_documents": list(leaked)},))

    def _shares(self, made: _Made) -> Iterator[Share]:
        for place, fit in made.fits.items():
            for key, one in zip(self._fitter.keys(place), fit.groups, strict=True):
                yield Share(
                    side=place[0],
                    layer=place[1],
                    heads=_heads(fit, key[2]),
                    unit=self._units[key],
                    asked=made.asked[key],
                    bits=one.counted.total,
                    k=one.codec.k,
                    nmse=float(one.errors.sum() / max(one.spread.sum(), _TINY)),
                )


def _heads(fit: LayerFit, group: int) -> tuple[int, ...]:
    if len(fit.groups) == 1:
        return tuple(range(fit.codecs.heads))
    span = fit.codecs.span
    return tuple(range(group * span, (group + 1) * span))


def _nearest(offers: Sequence[Offer], bits: float) -> float:
    return min(offers, key=lambda offer: abs(offer.asked - bits)).asked


def error_at(offers: Sequence[Offer], asked: float) -> float:
    """Return the error of one offer."""
    return next(offer.error for offer in offers if offer.asked == asked)


def bits_by_side(fits: Fits) -> dict[str, float]:
    """Return the mean bits per value of each side, everything counted."""
    sides = dict.fromkeys(side for side, _ in fits)
    return {
        side: fmean(fit.counted.total for place, fit in fits.items() if place[0] == side)
        for side in sides
    }


def mean_of_fits(fits: Fits) -> float:
    """Return the mean bits per value of all layers, which hold as many values each."""
    return fmean(fit.counted.total for fit in fits.values())
