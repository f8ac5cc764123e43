"""What every codec of a pipeline errs at every budget it can be given."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.pipeline import HALF_BITS, Pipeline
from kvsplice_core.fit.compose import Memo
from kvsplice_core.fit.group import Fit
from kvsplice_core.fit.layer import LayerFit, LayerValues, fit_layer, within
from kvsplice_core.tasks.allot import Offer
from kvsplice_core.tasks.budgets import DEFAULT_COUNTED_TOKENS, Budget
from kvsplice_core.tasks.training import CalibrationSpec

Place = tuple[str, int]
"""Side (``v`` or ``k``) and layer."""

Key = tuple[str, int, int]
"""Side, layer, and group of heads."""

Offers = Mapping[Key, tuple[Offer, ...]]
Fits = Mapping[Place, LayerFit]

QUANTIZED_BITS = (0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
_RANKS = 16
"""Different k that a pipeline of 16-bit numbers is measured at."""


@dataclass(eq=False)
class Fitter:
    """Fits one pipeline to layers at any budgets; what no budget changes is learnt once.

    Parameters
    ----------
    layers : mapping of (side, layer) to LayerValues
    pipeline : Pipeline
    calibration : CalibrationSpec
    tokens : int
        Tokens that a codec's own bytes are spread over.
    """

    layers: Mapping[Place, LayerValues]
    pipeline: Pipeline
    calibration: CalibrationSpec
    tokens: int = DEFAULT_COUNTED_TOKENS
    memos: dict[Place, dict[tuple[str, int], Memo]] = field(default_factory=dict)

    def keys(self, place: Place) -> tuple[Key, ...]:
        """Return the codecs of a layer."""
        count = self.pipeline.grouping.codecs(self.layers[place].heads)
        return tuple((*place, group) for group in range(count))

    def values(self, place: Place) -> int:
        """Return the numbers per token that one codec of a layer codes."""
        layer = self.layers[place]
        return layer.heads * layer.values.summary.dim // len(self.keys(place))

    def of(self, pipeline: Pipeline) -> Fitter:
        """Return what fits another pipeline to the same layers; what was learnt serves both."""
        return replace(self, pipeline=pipeline)

    def fit_evenly(self, bits: float) -> Generator[float, None, Fits]:
        """Fit every layer, all codecs at the same bits; yields the share that is done."""
        return self.fit({key: bits for place in self.layers for key in self.keys(place)})

    def fit(self, asked: Mapping[Key, float]) -> Generator[float, None, Fits]:
        """Fit every layer, each codec at its budget; yields the share that is done."""
        fits: dict[Place, LayerFit] = {}
        for place in self.layers:
            work = self._layer(place, [asked[key] for key in self.keys(place)])
            fits[place] = yield from relay(work, within(len(fits), len(self.layers)))
        return fits

    def offers(self) -> Generator[float, None, dict[Key, tuple[Offer, ...]]]:
        """Measure every codec at every budget; yields the share that is done.

        Raises
        ------
        SpecError
            If a layer fits no budget.
        """
        found: dict[Key, tuple[Offer, ...]] = {}
        for done, place in enumerate(self.layers):
            work = self._offers_of(place)
            measured = yield from relay(work, within(done, len(self.layers)))
            found |= dict(zip(self.keys(place), measured, strict=True))
        return found

    def _offers_of(self, place: Place) -> Generator[float, None, list[tuple[Offer, ...]]]:
        rows: list[list[Offer]] = []
        budgets, refusal = self._budgets(place), SpecError("")
        for done, asked in enumerate(budgets):
            try:
                work = self._layer(place, [asked] * len(self.keys(place)))
                fit = yield from relay(work, within(done, len(budgets)))
            except SpecError as error:
                refusal = error
                continue
            rows.append([_offer(asked, group) for group in fit.groups])
        if not rows:
            raise refusal
        return [tuple(column) for column in zip(*rows, strict=True)]

    def _budgets(self, place: Place) -> Sequence[float]:
        if not self.pipeline.keeps_numbers:
            return QUANTIZED_BITS
        layer = self.layers[place]
        dim = self.layers[place].values.summary.dim * self.pipeline.grouping.span(layer.heads)
        step = max(1, dim // _RANKS)
        return [HALF_BITS * k / dim for k in range(step, dim + 1, step)]

    def _layer(self, place: Place, asked: Sequence[float]) -> Generator[float, None, LayerFit]:
        budgets = [Budget(bits, self.tokens) for bits in asked]
        memos = self.memos.setdefault(place, {})
        return fit_layer(self.layers[place], self.pipeline, budgets, self.calibration, memos)


def _offer(asked: float, fit: Fit) -> Offer:
    return Offer(asked, max(asked, fit.counted.total), fit.validation_error)


def nearest(offers: Sequence[Offer], bits: float) -> float:
    """Return the budget that is offered nearest to so many bits."""
    return min(offers, key=lambda offer: abs(offer.asked - bits)).asked


def error_at(offers: Sequence[Offer], asked: float) -> float:
    """Return the error of the offer of a budget."""
    return next(offer.error for offer in offers if offer.asked == asked)


def bits_by_side(fits: Fits) -> dict[str, float]:
    """Return the mean bits per value of each side, everything counted."""
    sides = dict.fromkeys(side for side, _ in fits)
    return {
        side: fmean(fit.counted.total for place, fit in fits.items() if place[0] == side)
        for side in sides
    }
