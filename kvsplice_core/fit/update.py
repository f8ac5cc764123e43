"""Updating a codec with new vectors, without starting over; and how far they have drifted."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Judgement
from kvsplice_core.base.progress import Step, relay
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.history import History, Moments, require_dim
from kvsplice_core.codec.kinds import (
    MIN_KNOTS,
    Curve,
    Method,
    Recipe,
)
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.data.vectors import Values
from kvsplice_core.fit.calibrate import Parts, calibrate_on_trial, finish, split_parts
from kvsplice_core.fit.judge import BLOCK_TOKENS, compare
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.fit.provenance import training_of
from kvsplice_core.fit.training import fit_transformed_pca, quarter
from kvsplice_core.tasks.sweep import CalibrationStep
from kvsplice_core.tasks.training import RECIPE_DEFAULTS, CalibrationSpec
from kvsplice_core.tasks.update import Adapted, Drift, Kept, UpdateSpec
from kvsplice_core.version import library_versions

# Beyond so many times the new vectors the old ones weigh no more where a transform learns: an
# update's time is bounded by what is new.
_MOST_REPLAYED = 4

Adapting = Generator[Step[None], None, Adapted]


def adapt(codec: Codec, history: History, values: Values, spec: UpdateSpec) -> Adapting:
    """Update a codec with new vectors.

    PCA is that of all vectors so far, exactly, from their merged moments. A spline or flow starts
    at its present curves and learns for a quarter of the epochs (recipe ``joint``, whatever it was
    made by), from the new vectors and a sample of the earlier ones that stands for all of them;
    the older ones count four times as much as the new ones at most.
    A generator: it yields progress and returns the result; closing it cancels.

    Parameters
    ----------
    codec : Codec
        With a linear decoder and without a quantizer.
    history : History
        Of the vectors it was made of.
    values : Values
        The new vectors (n, d); the last quarter is only measured on.
    spec : UpdateSpec

    Returns
    -------
    Adapted
        With the codec as it was where updating is not clearly better on the validation part of the
        new vectors.

    Raises
    ------
    SpecError
        If the codec has a nonlinear decoder or a quantizer.
    DataError
        If the new vectors are of another dimension, or too few.
    """
    _require_updatable(codec)
    require_dim(values.summary.dim, codec.dim)
    started = time.monotonic()
    yield Step("Measuring the drift", 0.0)
    parts = split_parts(values, spec.calibration)
    before = codec.to(parts.train.device)
    known = history.forgotten(spec.forget)
    after, kept, judgement = yield from _updated(before, known, parts, spec)
    known = known.merged(History.of(parts.train, parts.test))
    after = replace(after, provenance=_provenance(codec, after.method, known, parts, spec))
    return Adapted(
        codec=after,
        history=known,
        kept=kept,
        drift=find_drift(history.moments, parts.train, codec.k, parts.rows_per_token),
        new=_judged(parts.test, after, before, parts, spec),
        old=_judged(history.held_out.to(parts.train.device), after, before, parts, spec),
        validation=judgement,
        data=parts.summary,
        vectors=known.moments.count,
        elapsed_s=time.monotonic() - started,
    )


def find_drift(earlier: Moments, rows: Tensor, k: int, rows_per_token: int = 1) -> Drift:
    """Compare the principal axes, mean and variance of new vectors with those of earlier ones.

    Parameters
    ----------
    earlier : Moments
    rows : Tensor, shape (n, d)
        The new vectors, in the order of the text.
    k : int
        How many axes count, 1 … d.
    rows_per_token : int
        Rows that belong to one token (pooled heads).
    """
    now = Moments.of(rows)
    angles = principal_angles(_axes(earlier, k), _axes(now, k))
    block = torch.arange(len(rows)) // (BLOCK_TOKENS * rows_per_token)
    halves = [rows[(block % 2 == turn).to(rows.device)] for turn in (0, 1)]
    chance = 0.0
    if len(halves[1]):
        first, second = (_axes(Moments.of(half), k) for half in halves)
        chance = float(principal_angles(first, second).mean())
    spread = max(earlier.total_variance, torch.finfo(torch.float64).tiny)
    return Drift(
        mean_angle=float(angles.mean()),
        largest_angle=float(angles.max()),
        chance_angle=chance,
        mean_shift=float((now.mean - earlier.mean).norm()) / spread**0.5,
        variance_ratio=now.total_variance / spread,
    )


def principal_angles(first: Tensor, second: Tensor) -> Tensor:
    """Return the angles between the spans of two orthonormal bases (d, k), in degrees; (k,).

    From the sines where the cosines have no digits left (Björck & Golub 1973).
    """
    cosines = torch.linalg.svdvals(first.T @ second).clamp(max=1.0)
    sines = torch.linalg.svdvals(second - first @ (first.T @ second)).flip(0).clamp(max=1.0)
    return torch.where(cosines > 0.9, sines.asin(), cosines.acos()).rad2deg()


def _axes(moments: Moments, k: int) -> Tensor:
    return moments.pca(like=moments.mean).basis[:, :k]


def _updated(
    before: Codec, history: History, parts: Parts, spec: UpdateSpec
) -> Generator[Step[None], None, tuple[Codec, Kept, Judgement]]:
    """Return the update, or the codec as it was; PCA where a transform is no gain on it."""
    if before.method.is_learnt:
        train = torch.cat([_replayed(history, len(parts.train), spec).to(parts.train), parts.train])
        mixed = replace(parts, train=train)
        work = calibrate_on_trial(mixed, _warm(before, spec), _start(before, mixed.fit))
        result = yield from relay(work, _step)
        if result.kept is before.method:
            judgement = _judged(parts.validation, result.codec, before, parts, spec)
            if not judgement.is_gain:
                return before, Kept.BEFORE, judgement
            result = yield from relay(finish(mixed, result), _step)
        if result.kept is before.method:
            return result.codec, Kept.UPDATED, judgement
    trial, final = (
        linear_codec(history.moments.merged(Moments.of(rows)).pca(rows).projection(before.k))
        for rows in (parts.fit, parts.train)
    )
    judgement = _judged(parts.validation, trial, before, parts, spec)
    if not judgement.is_gain:
        return before, Kept.BEFORE, judgement
    return final, Kept.PCA if before.method.is_learnt else Kept.UPDATED, judgement


def _start(codec: Codec, rows: Tensor) -> Codec:
    """Return the codec, or its curves with PCA of s(rows) where that is nearer already."""
    refitted = replace(
        codec, projection=fit_transformed_pca(codec.transform, rows).projection(codec.k)
    )
    return min((codec, refitted), key=lambda one: mean_squared_error(rows, one.reconstruct))


def _step(step: CalibrationStep) -> Step[None]:
    text = f"{step.method.label} k {step.k}, epoch {step.epoch}/{step.epochs}"
    return Step(text, step.fraction)


def _replayed(history: History, new: int, spec: UpdateSpec) -> Tensor:
    """Return as many draws of the sample as the vectors it stands for weigh."""
    wished = min(round(history.moments.count), _MOST_REPLAYED * new)
    whole, rest = divmod(wished, len(history.replay))
    generator = torch.Generator().manual_seed(spec.seed)
    some = torch.randperm(len(history.replay), generator=generator)[:rest].sort().values
    return torch.cat([*([history.replay] * whole), history.replay[some]])


def _warm(codec: Codec, spec: UpdateSpec) -> CalibrationSpec:
    """Return the calibration that goes on from `codec`, as its file says it was made."""
    tensors = codec.transform.tensors()
    knots = next((t for name, t in tensors.items() if name.endswith("knots_in")), None)
    made = training_of(codec.provenance)
    bent = any(name.endswith("chords") for name in tensors)
    return replace(
        made,
        method=codec.method,
        k=codec.k,
        recipe=Recipe.JOINT,
        knots=None if knots is None else max(MIN_KNOTS, len(knots)),
        epochs=spec.epochs or quarter(_epochs(codec, made)),
        curve=Curve.RATIONAL_QUADRATIC if bent else made.curve,
        seed=spec.seed,
        device=spec.device,
        train_fraction=spec.train_fraction,
        validation_fraction=spec.validation_fraction,
    )


def _epochs(codec: Codec, made: CalibrationSpec) -> int:
    """Return the epochs a codec was calibrated with by recipe ``joint``, else the usual ones."""
    learnt = made.recipe is Recipe.JOINT and not codec.provenance.edited
    return made.resolved_epochs if learnt else RECIPE_DEFAULTS[Recipe.JOINT].epochs


def _judged(rows: Tensor, ours: Codec, theirs: Codec, parts: Parts, spec: UpdateSpec) -> Judgement:
    return compare(rows, ours.reconstruct, theirs.reconstruct, parts.rows_per_token, spec.seed)


def _provenance(
    codec: Codec, method: Method, known: History, parts: Parts, spec: UpdateSpec
) -> Provenance:
    """Return what the file says: how the codec was made first, and what came to it last."""
    made = codec.provenance
    return replace(
        made,
        training={**made.training, "method": method.key},
        updates=made.updates + 1,
        updated_with=parts.summary.title,
        updated_with_sha256=parts.summary.sha256,
        forget=spec.forget,
        train_vectors=round(known.moments.count),
        versions=library_versions(),
    )


def _require_updatable(codec: Codec) -> None:
    if not codec.is_plain:
        kinds = [codec.decoding.key] if codec.correction is not None else []
        kinds += [codec.quantization.key] if codec.quantization is not None else []
        raise SpecError(
            "an update needs a codec that keeps numbers and decodes them linearly; "
            f"this one holds {' and '.join(kinds)}: fit it again"
        )
