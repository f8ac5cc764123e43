"""What a spline with knots set by hand is worth: basis refitted in closed form, then measured."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.estimates import Change, Judgement
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.kinds import Axes, Method, Recipe
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.transforms.knots import Knots
from kvsplice_core.codec.transforms.spline import Spline, SplineLearner
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.calibrate import Parts, require_k, split_parts
from kvsplice_core.fit.judge import compare, judge, rounding_error
from kvsplice_core.fit.metrics import mean_squared_error, row_errors, score
from kvsplice_core.fit.provenance import of_vectors
from kvsplice_core.fit.training import (
    Job,
    Trained,
    Training,
    fit_transformed_pca,
    quarter,
    train_joint,
)
from kvsplice_core.tasks.sweep import (
    CalibrationResult,
    CalibrationStep,
    Scores,
    SweepRow,
    SweepStep,
)
from kvsplice_core.tasks.training import RECIPE_DEFAULTS, CalibrationSpec


@dataclass(frozen=True)
class Bench:
    """What edits are measured on; the part that is the same for all of them is found once.

    Parameters
    ----------
    parts : Parts
        The vectors, cut in the order of the text.
    spec : CalibrationSpec
        Seed and device of the comparison, epochs of what is learnt from here.
    """

    parts: Parts
    spec: CalibrationSpec
    _references: dict[int, _Reference] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, values: Values, spec: CalibrationSpec) -> Bench:
        """Cut the vectors; raises what `split_parts` does."""
        return cls(split_parts(values, spec), spec)

    def reference(self, k: int) -> _Reference:
        """Return what PCA of all training vectors leaves at k."""
        if k not in self._references:
            codec = linear_codec(self.parts.train_pca.projection(k))
            self._references[k] = _Reference(
                row_errors(self.parts.test, codec.reconstruct),
                row_errors(self.parts.validation, codec.reconstruct),
            )
        return self._references[k]

    @cached_property
    def rounding(self) -> float:
        """The MSE that rounding alone makes on the test part."""
        return rounding_error(self.parts.test)

    @cached_property
    def origin(self) -> Provenance:
        """What every codec made here says of where it comes from."""
        spec = replace(self.spec, method=Method.SPLINE, axes=Axes.RAW)
        made = of_vectors(self.parts.summary, len(self.parts.train), spec)
        return replace(made, edited=True)


@dataclass(frozen=True)
class _Reference:
    """Squared errors of PCA, mean of each test and validation vector."""

    test: NDArray[np.float64]
    validation: NDArray[np.float64]


@dataclass(frozen=True)
class Learnt:
    """What calibration made of a spline set by hand.

    Parameters
    ----------
    spline : Spline
        The one to go on with.
    row : SweepRow
        Its codec at the k it was learnt for.
    judgement : Judgement
        What calibration found against what the hand had set, on the validation part. Without a
        clear gain the spline and the row are those of the hand.
    """

    spline: Spline
    row: SweepRow
    judgement: Judgement


def refit(rows: Tensor, spline: Spline, k: int) -> Codec:
    """Return the codec of a spline with PCA of s(rows) behind it, in closed form.

    Parameters
    ----------
    rows : Tensor, shape (n, d)
        Training vectors.
    spline : Spline
        On the device of `rows`.
    k : int
        Numbers kept per vector, 1 … d.
    """
    return Codec(spline, fit_transformed_pca(spline, rows).projection(k))


def refit_rows(bench: Bench, spline: Spline, ks: Iterable[int]) -> Iterator[SweepRow]:
    """Refit a spline once and measure it at every k, in the order of `ks`.

    The codec of a row stays as the hand made it; `SweepRow.kept` says whether the validation part
    would choose it over PCA, as in recipe ``origin``.

    Raises
    ------
    SpecError
        If a k exceeds d.
    """
    started = time.monotonic()
    spline = spline.map(lambda table: table.to(bench.parts.train.device))
    pca = fit_transformed_pca(spline, bench.parts.train)
    for k in ks:
        require_k(k, spline.dim)
        yield _row(bench, Trained(spline, pca.projection(k), ()), k, started)
        started = time.monotonic()


def learn_from(bench: Bench, spline: Spline, k: int) -> Generator[SweepStep, None, Learnt]:
    """Go on from a spline set by hand by calibration (recipe ``joint``) at one k.

    Its knots stay where they are; slopes, scale, shift and both matrices learn. What was learnt
    is kept only if it clearly beats the hand on the validation part; then it learns from that part
    too.
    """
    parts, started = bench.parts, time.monotonic()
    spec = _learning_spec(bench.spec, spline, k)
    spline = spline.map(lambda table: table.to(parts.train.device))
    more = quarter(spec.resolved_epochs)
    share = spec.resolved_epochs / (spec.resolved_epochs + more)
    by_hand = refit(parts.fit, spline, k)
    trial = yield from _shown(_learn(parts.fit, parts.test, spec, by_hand), 0.0, share)
    judgement = compare(
        parts.validation,
        _codec(trial).reconstruct,
        by_hand.reconstruct,
        parts.rows_per_token,
        spec.seed,
    )
    if not judgement.is_gain:
        return Learnt(spline, next(refit_rows(bench, spline, (k,))), judgement)
    whole = _learn(parts.train, parts.test, replace(spec, epochs=more), _codec(trial))
    final = yield from _shown(whole, share, 1.0)
    best = min((final, trial), key=lambda one: _train_mse(parts, one))
    best = replace(best, losses=(*trial.losses, *final.losses))
    row = _row(bench, best, k, started, epochs=spec.resolved_epochs + more)
    assert isinstance(best.transform, Spline)
    return Learnt(best.transform, row, judgement)


def _learning_spec(spec: CalibrationSpec, spline: Spline, k: int) -> CalibrationSpec:
    joint = spec.recipe is Recipe.JOINT
    epochs = spec.resolved_epochs if joint else RECIPE_DEFAULTS[Recipe.JOINT].epochs
    return replace(
        spec,
        method=Method.SPLINE,
        k=k,
        recipe=Recipe.JOINT,
        knots=len(spline.knots_in),
        epochs=quarter(epochs),
    )


def _learn(rows: Tensor, test: Tensor, spec: CalibrationSpec, start: Codec) -> Training:
    """Train from the knots of `start` themselves, not from quantiles of the rows."""
    assert isinstance(start.transform, Spline)
    unit = rows.std(0).clamp_min(1e-6)
    learner = SplineLearner(Knots(start.transform.knots_in), unit, start.transform)
    return (yield from train_joint(Job(rows, test, spec, start), learner))


def _shown(work: Training, low: float, high: float) -> Generator[SweepStep, None, Trained]:
    """Pass on the progress of `work` as the part from `low` to `high` of the whole."""

    def step(calibration: CalibrationStep) -> SweepStep:
        fraction = low + (high - low) * calibration.fraction
        return SweepStep(0, 1, fraction, calibration)

    return (yield from relay(work, step))


def _row(
    bench: Bench, trained: Trained, k: int, started: float, *, epochs: int | None = None
) -> SweepRow:
    """Return a row of the table; `epochs` where calibration went on from the hand."""
    parts, spline = bench.parts, trained.transform
    assert isinstance(spline, Spline)
    codec, reference = _codec(trained), bench.reference(k)
    measured = score(parts.test, codec.reconstruct, parts.train_pca.mean, k)
    change = _judged(bench, measured.row_errors, reference.test).change
    held_out = row_errors(parts.validation, codec.reconstruct)
    judgement = _judged(bench, held_out, reference.validation)
    knots = len(spline.knots_in)
    found = CalibrationResult(
        codec=codec,
        spec=replace(bench.spec, method=Method.SPLINE, k=k, knots=knots, epochs=epochs),
        kept=Method.SPLINE if judgement.is_gain else Method.PCA,
        judgement=judgement,
        losses=trained.losses,
        elapsed_s=time.monotonic() - started,
        warm_start=True,
        edited=True,
    )
    made = _provenance(bench, found, measured.scores, change)
    found = replace(found, codec=replace(codec, provenance=made))
    shape, bend = spline.shape(parts.test[:1]), spline.bend()
    return SweepRow(Method.SPLINE, k, measured.scores, change, found, shape, bend)


def _judged(bench: Bench, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Judgement:
    return judge(ours, theirs, bench.rounding, bench.parts.rows_per_token, bench.spec.seed)


def _provenance(
    bench: Bench, found: CalibrationResult, scores: Scores, change: Change
) -> Provenance:
    """Return what the codec's file says: that a hand made it, and what it was measured to be."""
    epochs = found.spec.epochs
    shape = {"k": found.spec.k, "knots": found.spec.resolved_knots}
    notes = {
        "made": "by hand" if epochs is None else "by hand, then joint",
        "epochs": epochs or 0,
        "test_mse": scores.mse,
        "test_change_percent": [change.percent, change.low, change.high],
        "validation_mse": found.validation_mse,
        "validation_mse_pca": found.validation_mse_pca,
    }
    return replace(bench.origin, training={**bench.origin.training, **shape}, notes=notes)


def _codec(trained: Trained) -> Codec:
    return Codec(trained.transform, trained.projection)


def _train_mse(parts: Parts, trained: Trained) -> float:
    return mean_squared_error(parts.train, _codec(trained).reconstruct)
