"""Which codec gets how many bits, by what each of them costs the model; checked end to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import Step, relay
from kvsplice_core.fit.layers import Key, Offers, bits_by_side, error_at, nearest
from kvsplice_core.proof.bench import Bench, Probe
from kvsplice_core.proof.evaluation import evaluate_on
from kvsplice_core.proof.intervals import compared, quality_of
from kvsplice_core.proof.leakage import leaks_of_card
from kvsplice_core.proof.requirements import require_capture_of
from kvsplice_core.proof.sensitivity import alone
from kvsplice_core.proof.trials import EVERY_TRIAL, Budgets, Made, Trials, shares_of
from kvsplice_core.tasks.allot import Unit, allot, allot_evenly, mean_of
from kvsplice_core.tasks.curve import Cell
from kvsplice_core.tasks.solve import Choice, SolveResult, SolveSpec, Trial

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.tasks.evaluate import EvalResult

Allotment = Callable[[Sequence[Unit], float], tuple[float, ...]]

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


SolveStep = Step[Trial]
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
    gain on every other document; what is reported is said of the rest too, which had no part in
    that. A generator: it yields progress and returns card and result; closing it cancels.

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
        self._capture, self._spec = capture, spec
        self._documents, self._probes = documents, probes
        asked = {"bits": spec.bits, "key_bits": spec.key_bits, "max_dnll": spec.max_dnll}
        names = [one.name for one in probes]
        notes = {"budget": spec.budget, "probes": names, "solved_for": asked}
        # A continuation says nothing about a budget.
        self._bench = Bench(language, documents, replace(spec.evaluation, continuation_tokens=0))
        self._trials = Trials(self._bench, capture, spec, notes)
        self._fitter = self._trials.fitter
        self._units: dict[Key, Unit] = {}
        self._count = 2 if spec.max_dnll is None else _HALVINGS + 2

    def run(self) -> Solving:
        """Measure, share, check."""
        work = self._fitter.offers()
        offers = yield from relay(work, lambda share: Step("errors", _OFFERS * share))
        self._units = yield from self._probed(offers)
        budgets, solved = yield from self._solved()
        even = yield from self._even(budgets)
        kept, choice = solved, None
        if even is not None:
            kept, choice = self._chosen(solved, even)
        evaluation = yield from self._evaluated(kept.card)
        return Solution(
            self._proven(kept.card, evaluation),
            SolveResult(
                model=self._capture.facts.model,
                spec=self._spec,
                shares=tuple(shares_of(kept, self._fitter, self._units)),
                bits=bits_by_side(kept.fits),
                kept_even=kept is even,
                solved=solved.trial,
                even=None if even is None else even.trial,
                choice=choice,
                trials=tuple(self._trials.done),
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
        asked = {key: nearest(own, self._near(key[0])) for key, own in offers.items()}
        fits = yield from relay(self._fitter.fit(asked), lambda _: Step("sensitivities", _OFFERS))
        few = replace(self._spec.evaluation, tokens=self._spec.probe_tokens)
        probe = Probe(self._bench.language, self._probes, few)
        work = alone(probe, self._trials.card(fits), list(offers), whole_codec=True)
        found = yield from relay(work, _probing)
        return {
            key: Unit(self._fitter.values(key[:2]), own, found[key].kl, error_at(own, asked[key]))
            for key, own in offers.items()
        }

    def _near(self, side: str) -> float:
        return next(bits for sides, bits in self._spec.pools if side in sides) or _PROBE_BITS

    def _solved(self) -> Generator[SolveStep, None, tuple[Budgets, Made]]:
        if self._spec.max_dnll is None:
            budgets = tuple(bits for _, bits in self._spec.pools if bits is not None)
            return budgets, (yield from self._made(self._allotted(budgets, allot), budgets))
        return (yield from self._fewest())

    def _fewest(self) -> Generator[SolveStep, None, tuple[Budgets, Made]]:
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

    def _even(self, budgets: Budgets) -> Generator[SolveStep, None, Made | None]:
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
    ) -> Generator[SolveStep, None, Made]:
        done = min(len(self._trials.done), self._count - 1) / self._count
        work = self._trials.make(asked, budgets, even)
        start = _OFFERS + _PROBES + _TRIALS * done
        return (yield from relay(work, lambda step: replace(step, fraction=start)))

    def _chosen(self, solved: Made, even: Made) -> tuple[Made, Choice]:
        """Keep one on half of the documents, where there are enough, and report on the others."""
        seed = self._spec.evaluation.seed
        ours, theirs = (made.scores.halves or (made.scores,) * 2 for made in (solved, even))
        chosen, reported = (compared(*pair, seed) for pair in zip(ours, theirs, strict=True))
        keeps_even = not chosen.is_gain and self._holds(even.trial)
        kept, scores = (even, theirs) if keeps_even else (solved, ours)
        first, last = (tuple(one.name for one in half.documents) for half in scores)
        return kept, Choice(first, last, chosen, reported, quality_of(scores[1], seed))

    def _evaluated(self, card: Card) -> Generator[SolveStep, None, EvalResult]:
        """Audit the card that was kept; what the trials read stands with its controls."""
        start = _OFFERS + _PROBES + _TRIALS
        work = evaluate_on(self._bench, card)
        result = yield from relay(
            work, lambda step: Step(step.text, start + (1 - start) * step.fraction)
        )
        return replace(result, audit=(*result.audit, *self._bench.under(EVERY_TRIAL)))

    def _proven(self, card: Card, evaluation: EvalResult) -> Card:
        leaked = leaks_of_card(card, self._documents)
        return replace(card, proofs=(evaluation.summary() | {"leaked_documents": list(leaked)},))


def _probing(step: Step[Cell]) -> SolveStep:
    return Step(f"alone: {step.text}", _OFFERS + _PROBES * step.fraction)
