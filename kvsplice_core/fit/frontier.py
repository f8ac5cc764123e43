"""One comparison: several pipelines at several budgets, and the bound below them."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from itertools import product
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.base.progress import Step, relay
from kvsplice_core.codec.bound import gaussian_distortion, gaussian_distortions, gaussian_surrogate
from kvsplice_core.codec.pipeline import HALF_BITS, Pipeline
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.budget import Counted, mean_bits
from kvsplice_core.fit.group import WHOLE_BYTES, Measured
from kvsplice_core.fit.judge import judge
from kvsplice_core.fit.layer import LayerValues, joined_variances
from kvsplice_core.fit.layers import Fits, Fitter, Place
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.comparison import (
    Asked,
    Comparison,
    ComparisonRow,
    ordered_pipelines,
    reference_at,
)
from kvsplice_core.version import library_versions

ComparisonStep = Step[Comparison]
Comparing = Generator[ComparisonStep, None, Comparison]
_ROUNDING = 1e-9
_BOUND_BITS = tuple(np.round(np.arange(0.25, 8.01, 0.25), 2).tolist())


class Proof(Protocol):
    """Measures the points of a comparison through a model."""

    def measure(
        self,
        pipeline: Pipeline,
        budget: Budget,
        fits: Fits,
        reference: Fits | None,
    ) -> Generator[str, None, None]:
        """Measure one point, and what it is compared with; yields what it does."""

    def proven(self, point: ComparisonRow) -> ComparisonRow:
        """Return the point with what was measured."""

    def finished(self, result: Comparison) -> Comparison:
        """Return the result with what holds for all points."""


def frontier(
    layers: Mapping[Place, LayerValues],
    spec: Asked,
    title: str,
    split: str,
    proof: Proof | None = None,
) -> Comparing:
    """Fit and measure every pipeline at every budget.

    A generator: it yields progress and every finished point, and returns all of them; closing it
    cancels. What pipelines are compared with (PCA of each head, plain rounding) comes first.

    Parameters
    ----------
    layers : mapping of (side, layer) to LayerValues
    spec : ComparisonSpec or FrontierSpec
    title, split : str
        What the result calls the vectors, and the part the errors are measured on.
    proof : Proof, optional
        Measures every point through a model as well.

    Raises
    ------
    SpecError
        If no pipeline fits any budget.
    """
    return (yield from _Comparison(layers, spec, title, split, proof).run())


class _Comparison:
    """The points so far."""

    def __init__(
        self,
        layers: Mapping[Place, LayerValues],
        spec: Asked,
        title: str,
        split: str,
        proof: Proof | None,
    ) -> None:
        self._started = time.monotonic()
        self._spec, self._title, self._split, self._proof = spec, title, split, proof
        common = (spec.pipelines[0], spec.calibration, spec.counted_tokens)
        self._fitter = Fitter(layers, *common)
        self._null = Fitter(_surrogates(layers, spec), *common) if spec.surrogate else None
        self._variances = [joined_variances(one, spec.calibration) for one in layers.values()]
        self._dim = next(iter(layers.values())).values.rows.shape[1]
        self._budgets = {one: one.bits_for(self._dim) for one in spec.budgets.each}
        self._fits: dict[tuple[Pipeline, Budget], Measured] = {}
        self._points: list[ComparisonRow] = []
        self._left_out: list[str] = []

    def run(self) -> Comparing:
        """Work through the points."""
        order = list(product(ordered_pipelines(self._spec), self._budgets))
        for done, (pipeline, budget) in enumerate(order):
            name = f"{pipeline.label} at {budget.words}"
            try:
                for step in self._measured(pipeline, budget, name):
                    share = (done + step.fraction) / len(order)
                    yield replace(step, fraction=share)
            except SpecError as error:
                self._left_out.append(f"{name}: {error}")
                continue
            so_far = self.result()
            yield Step(name, (done + 1) / len(order), so_far)
        if not self._points:
            asked = tuple(pipeline.label for pipeline in self._spec.pipelines)
            own = [one for one in self._left_out if one.startswith(asked)]
            reason = (own or self._left_out)[0]
            raise SpecError(f"a comparison needs a budget one pipeline fits: {reason}")
        return self.result()

    def _measured(
        self, pipeline: Pipeline, budget: Budget, name: str
    ) -> Generator[ComparisonStep, None, None]:
        share, bits = 0.4 if self._proof else 1.0, self._budgets[budget]
        work, each = self._fitter.of(pipeline).fit_evenly(bits), share
        if self._null is not None:
            each = share / 2
        fits = yield from relay(work, lambda part: Step(name, each * part))
        self._fits[pipeline, budget] = _summed(fits)
        rival = yield from self._rival(
            self._fitter, pipeline, self._fits[pipeline, budget], budget, Step(name, each)
        )
        against = None if rival is None else _summed(rival)
        change, surrogate = _change(self._fits[pipeline, budget], against, self._spec), None
        if self._null is not None:
            work = self._null.of(pipeline).fit_evenly(bits)
            null = yield from relay(
                work, lambda part: Step(f"{name}, Gaussian surrogate", each * (1 + part))
            )
            own = _summed(null)
            plain = yield from self._rival(self._null, pipeline, own, budget, Step(name, share))
            surrogate = _change(own, None if plain is None else _summed(plain), self._spec)
        point = replace(
            self._point(pipeline, budget, fits),
            reference=None if against is None else reference_at(pipeline, budget),
            reference_bits=None if against is None else against.counted.total,
            change=change,
            surrogate=surrogate,
        )
        if self._proof is not None:
            measuring = self._proof.measure(pipeline, budget, fits, rival)
            yield from relay(measuring, lambda text: Step(f"{name}: {text}", share))
            point = self._proof.proven(point)
        self._points.append(point)

    def _point(self, pipeline: Pipeline, budget: Budget, fits: Fits) -> ComparisonRow:
        own = self._fits[pipeline, budget]
        first = next(iter(fits.values()))
        groups = [fit for layer in fits.values() for fit in layer.groups]
        return ComparisonRow(
            pipeline=pipeline,
            asked_bits=self._budgets[budget],
            asked_k=budget.k,
            vector_bits=own.counted.vector_bits,
            side_bits=own.counted.side_bits,
            k=first.codecs.ks[0] if pipeline.keeps_numbers else None,
            nmse=own.nmse,
            gap_db=self._gap(own, fits),
            mse=float(own.errors.mean()) / sum(map(len, self._variances)),
            codecs=len(groups),
            replaced=sum(fit.replaced for fit in fits.values()),
            kept=tuple(dict.fromkeys(fit.kept for fit in groups)),
        )

    def _rival(
        self, fitter: Fitter, pipeline: Pipeline, own: Measured, asked: Budget, step: ComparisonStep
    ) -> Generator[ComparisonStep, None, Fits | None]:
        """Fit what a point is compared with: at k, the same k.

        At bits, no more than the point took, all counted; a quantized one ends a little under its
        budget, which the reference may use up. None for a reference itself, and where none fits.
        """
        reference, most = reference_at(pipeline, asked), own.counted.total
        bits, dim = self._budgets[asked], self._dim
        if asked.k is None:
            spare = min(bits, WHOLE_BYTES * most) if pipeline.fills_budget else most
            bits = most = max(most, spare)
        while pipeline != reference and bits > 0:
            try:
                work = fitter.of(reference).fit_evenly(bits)
                found = yield from relay(work, lambda _: step)
            except SpecError:
                return None
            if asked.k is not None or _taken(found).total <= most + _ROUNDING:
                return found
            bits -= HALF_BITS / dim  # one number of each vector less
        return None

    def _gap(self, own: Measured, fits: Fits) -> float:
        least = sum(
            gaussian_distortion(variances, fit.counted.total * len(variances))
            for variances, fit in zip(self._variances, fits.values(), strict=True)
        )
        # The covariance of a few tokens has hardly any spread where they do not reach.
        if least <= 0 or len(own.errors) < 2 * max(map(len, self._variances)):
            return float("nan")
        return float(10 * np.log10(own.errors.sum() / len(own.errors) / least))

    def _bound(self) -> tuple[tuple[float, float], ...]:
        spread = sum(float(one.sum()) for one in self._variances)
        least = np.sum(
            [
                gaussian_distortions(one, [bits * len(one) for bits in _BOUND_BITS])
                for one in self._variances
            ],
            axis=0,
        )
        return tuple(zip(_BOUND_BITS, (least / spread).tolist(), strict=True))

    def result(self) -> Comparison:
        """Return all points in order."""
        place = {one: i for i, one in enumerate(ordered_pipelines(self._spec))}
        points = sorted(self._points, key=lambda p: (place[p.pipeline], p.asked_bits))
        found = Comparison(
            title=self._title,
            spec=self._spec,
            points=tuple(points),
            left_out=tuple(self._left_out),
            bound=self._bound(),
            test_tokens=len(next(iter(self._fits.values())).errors) if self._fits else 0,
            split=self._split,
            elapsed_s=time.monotonic() - self._started,
            versions=library_versions(),
            data=tuple(one.values.summary for one in self._fitter.layers.values()),
        )
        return found if self._proof is None else self._proof.finished(found)


def _summed(fits: Fits) -> Measured:
    """Return what all layers err together on every test token."""
    every = tuple(fits.values())
    return Measured(
        counted=_taken(fits),
        errors=np.sum([fit.errors for fit in every], axis=0),
        spread=np.sum([fit.spread for fit in every], axis=0),
        rounding=sum(fit.rounding for fit in every),
    )


def _taken(fits: Fits) -> Counted:
    return mean_bits([fit.counted for fit in fits.values()])


def _change(own: Measured, reference: Measured | None, spec: Asked) -> Change | None:
    if reference is None:
        return None
    seed = spec.calibration.seed
    return judge(own.errors, reference.errors, own.rounding, seed=seed).change


def _surrogates(layers: Mapping[Place, LayerValues], spec: Asked) -> dict[Place, LayerValues]:
    return {
        place: replace(layer, values=_surrogate(layer, spec.calibration.seed + i))
        for i, (place, layer) in enumerate(layers.items())
    }


def _surrogate(layer: LayerValues, seed: int) -> Values:
    """Return Gaussian vectors of the layer's mean and covariance, all heads joined."""
    rows: Tensor = layer.values.rows
    joined = rows.view(-1, layer.heads * rows.shape[1])
    drawn = gaussian_surrogate(joined, len(joined), seed)
    return replace(layer.values, rows=drawn.reshape(rows.shape).to(torch.float32).contiguous())


def one_layer(values: Values) -> dict[Place, LayerValues]:
    """Return the vectors of one layer, or of none, as a comparison takes them."""
    return {("v", values.summary.layer or 0): LayerValues(values)}
