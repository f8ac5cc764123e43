"""Sharing bits among the codecs of one layer of vectors, where there is no model to ask."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from kvsplice_core.base.estimates import Change
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.frontier import one_layer
from kvsplice_core.fit.judge import judge
from kvsplice_core.fit.layer import LayerFit
from kvsplice_core.fit.layers import Fits, Fitter
from kvsplice_core.tasks.allot import Unit, allot, allot_evenly
from kvsplice_core.tasks.budgets import DEFAULT_COUNTED_TOKENS
from kvsplice_core.tasks.training import CalibrationSpec

_OFFERS, _FITS = 0.7, 0.15


@dataclass(frozen=True, eq=False)
class LayerSolution:
    """Codecs of a layer under one budget.

    Parameters
    ----------
    units : tuple of Unit
        Of each codec; it costs what it errs, summed over its numbers.
    asked : tuple of float
        The budget of each, bits per value.
    fit : LayerFit
    even : LayerFit
        The same budget for every codec.
    change : Change
        Of the squared error against the even one, paired over test tokens, per cent.
    """

    units: tuple[Unit, ...]
    asked: tuple[float, ...]
    fit: LayerFit
    even: LayerFit
    change: Change


def solve_layer(
    values: Values,
    pipeline: Pipeline,
    bits: float,
    calibration: CalibrationSpec,
    tokens: int = DEFAULT_COUNTED_TOKENS,
) -> Generator[float, None, LayerSolution]:
    """Share a budget among the codecs of a layer by their squared errors.

    A generator: it yields the share that is done; closing it cancels.

    Parameters
    ----------
    values : Values
        Rows of all heads, those of a token together.
    pipeline : Pipeline
    bits : float
        Mean bits per value, everything counted.
    calibration : CalibrationSpec
    tokens : int
        Tokens that a codec's own bytes are spread over.

    Raises
    ------
    SpecError
        If the budget is too small, or the pipeline needs a model.
    """
    layers = one_layer(values)
    (place,) = layers
    fitter = Fitter(layers, pipeline, calibration, tokens)
    offers = yield from relay(fitter.offers(), lambda share: _OFFERS * share)
    size = fitter.values(place)
    units = tuple(Unit(size, own, size * own[0].error, own[0].error) for own in offers.values())
    asked, same = allot(units, bits), allot_evenly(units, bits)

    def fitted(given: tuple[float, ...], start: float) -> Generator[float, None, Fits]:
        work = fitter.fit(dict(zip(offers, given, strict=True)))
        return (yield from relay(work, lambda share: start + _FITS * share))

    fit = (yield from fitted(asked, _OFFERS))[place]
    even = (yield from fitted(same, _OFFERS + _FITS))[place]
    change = judge(fit.errors, even.errors, fit.rounding, seed=calibration.seed).change
    return LayerSolution(units, asked, fit, even, change)
