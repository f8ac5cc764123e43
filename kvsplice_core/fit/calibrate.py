"""Calibrating one codec, and deciding whether it earns its place beside PCA."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from kvsplice_core.base.devices import resolve_device
from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.base.estimates import NO_CHANGE, Judgement
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.history import History
from kvsplice_core.codec.kinds import Axes, Method, Recipe
from kvsplice_core.codec.pca import PCA, fit_pca
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.transforms.base import Transform
from kvsplice_core.data.documents import nearest_boundary
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.data.vectors import MIN_PART, Values
from kvsplice_core.fit.judge import compare
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.fit.provenance import of_vectors, training_of
from kvsplice_core.fit.training import (
    TRAINERS,
    Job,
    Trained,
    Training,
    fit_transformed_pca,
    quarter,
)
from kvsplice_core.tasks.sweep import CalibrationResult, CalibrationStep
from kvsplice_core.tasks.training import CalibrationSpec

Calibration = Generator[CalibrationStep, None, CalibrationResult]


@dataclass(frozen=True)
class Parts:
    """The vectors of one calibration on their device, cut in the order of the text.

    Parameters
    ----------
    train : Tensor, shape (n, d)
        Everything a codec may learn from.
    validation_rows : int
        How many of its last rows decide between a method and PCA.
    test : Tensor, shape (m, d)
        Never learnt from.
    summary : DataSummary
        Where they come from.
    rows_per_token : int
        Rows that belong to one token (pooled heads).
    output_weight : Tensor, optional, shape (d, hidden)
        W_O of the vectors, for the axes it sees.
    """

    train: Tensor
    validation_rows: int
    test: Tensor
    summary: DataSummary
    rows_per_token: int = 1
    output_weight: Tensor | None = None

    @property
    def fit(self) -> Tensor:
        """The training rows before the validation part."""
        return self.train[: -self.validation_rows]

    @cached_property
    def train_pca(self) -> PCA:
        """PCA of all training rows; found once, however many k ask for it."""
        return fit_pca(self.train)

    @cached_property
    def fit_pca(self) -> PCA:
        """PCA of the rows before the validation part."""
        return fit_pca(self.fit)

    @property
    def validation(self) -> Tensor:
        """The last training rows."""
        return self.train[-self.validation_rows :]


def split_parts(values: Values, spec: CalibrationSpec) -> Parts:
    """Cut the vectors into training, validation and test parts, on the wished device.

    Where documents are known the parts are different documents, as far as there are enough.

    Raises
    ------
    SpecError
        If the device is not available.
    DataError
        If a part would be empty.
    """
    device = resolve_device(spec.device)
    train, test = values.split(spec.train_fraction)
    tokens = max(1, round(len(train) / values.rows_per_token * spec.validation_fraction))
    wished = len(train) - tokens * values.rows_per_token
    validation_rows = len(train) - nearest_boundary(values.boundaries, wished, len(train), MIN_PART)
    if len(train) - validation_rows < MIN_PART:
        raise DataError(
            f"the training part needs at least {MIN_PART} rows besides its validation part of "
            f"{validation_rows}; got {len(train) - validation_rows}"
        )
    return Parts(
        train.to(device), validation_rows, test.to(device), values.summary, values.rows_per_token
    )


def history_of(values: Values, spec: CalibrationSpec) -> History:
    """Return what to keep of the vectors in a codec's file, so that it can be updated."""
    return History.of(*values.split(spec.train_fraction))


def calibrate(values: Values, spec: CalibrationSpec, previous: Codec | None = None) -> Calibration:
    """Calibrate one codec.

    A generator: it yields a progress value after every batch and returns the result; closing it
    cancels. `kvsplice_core.run` drives it to its end.

    Parameters
    ----------
    values : Values
        Vectors (n, d).
    spec : CalibrationSpec
        What to calibrate.
    previous : Codec, optional
        A codec of the same method to start from (a warm start).

    Returns
    -------
    CalibrationResult
        With recipe ``joint`` the codec is PCA where the method does not beat PCA at the same k
        on the validation part, and else goes on to learn from that part too; with ``origin`` the
        codec is kept and only marked.

    Raises
    ------
    SpecError
        If k exceeds d or the device is not available.

    Examples
    --------
    >>> from kvsplice_core import CalibrationSpec, calibrate, load_values, run
    >>> values = load_values("geometric-mix")
    >>> result = run(calibrate(values, CalibrationSpec(k=4)))  # doctest: +SKIP
    """
    parts = split_parts(values, spec)
    return (yield from calibrate_parts(parts, spec, previous))


def calibrate_parts(
    parts: Parts, spec: CalibrationSpec, previous: Codec | None = None, known: Known | None = None
) -> Calibration:
    """Calibrate on vectors that are already cut and on their device; see `calibrate_on_trial`."""
    tried = yield from calibrate_on_trial(parts, spec, previous, known)
    return (yield from finish(parts, tried))


def calibrate_on_trial(
    parts: Parts, spec: CalibrationSpec, previous: Codec | None = None, known: Known | None = None
) -> Calibration:
    """Calibrate up to the judgement: of recipe ``joint`` the validation part is not learnt from.

    `known` keeps what recipe ``origin`` has learnt of the same vectors for every k.
    """
    require_k(spec.k, parts.train.shape[1])
    started = time.monotonic()
    if not spec.method.is_learnt:
        return _pca_result(parts, spec, started)
    if spec.recipe is Recipe.ORIGIN:
        trained = yield from _train_once(parts, spec, previous, {} if known is None else known)
    else:
        yield CalibrationStep(spec.method, spec.k, 1, spec.resolved_epochs, 0.0, 0.0)
        trial = train_transform(parts.fit, parts.test, spec, previous, parts.output_weight)
        trained = yield from _part(trial, 0, spec.resolved_epochs + quarter(spec.resolved_epochs))
    return _decide(parts, spec, trained, started, warm_start=previous is not None)


def _train_once(
    parts: Parts, spec: CalibrationSpec, previous: Codec | None, known: Known
) -> Training:
    """Train a transform that serves every k, unless it is known; return it with the first k."""
    key = spec.method, spec.axes
    if key not in known:
        yield CalibrationStep(spec.method, spec.k, 1, spec.resolved_epochs, 0.0, 0.0)
        work = train_transform(parts.train, parts.test, spec, previous, parts.output_weight)
        known[key] = SharedTransform.after(parts, (yield from work))
    return known[key].at(spec.k)


def finish(parts: Parts, result: CalibrationResult) -> Calibration:
    """Let a codec that won its trial learn from the validation part too, as PCA does."""
    if result.spec.recipe is Recipe.ORIGIN or result.kept is Method.PCA:
        return result
    started = time.monotonic()
    before, more = result.spec.resolved_epochs, quarter(result.spec.resolved_epochs)
    spec = replace(result.spec, epochs=more)
    weight = parts.output_weight
    whole = train_transform(parts.train, parts.test, spec, result.codec, weight)
    trained = yield from _part(whole, before, before + more)
    codec = replace(result.codec, transform=trained.transform, projection=trained.projection)
    # Too few epochs may not come back from where the first steps lead; then the trial is better,
    # or PCA, which learns from every row at once.
    rival = linear_codec(parts.train_pca.projection(spec.k), result.codec.provenance)
    rivals = (codec, result.codec, rival)
    best = min(rivals, key=lambda one: mean_squared_error(parts.train, one.reconstruct))
    losses = (*result.losses, *trained.losses)
    elapsed_s = result.elapsed_s + time.monotonic() - started
    return replace(result, codec=best, kept=best.method, losses=losses, elapsed_s=elapsed_s)


def _part(work: Training, before: int, epochs: int) -> Training:
    """Pass on the progress of `work` as what follows `before` epochs of `epochs`."""

    def shown(step: CalibrationStep) -> CalibrationStep:
        done = before + step.epochs_done
        epoch = before + step.epoch
        return replace(step, epoch=epoch, epochs=epochs, epochs_done=done, fraction=done / epochs)

    return (yield from relay(work, shown))


def train_transform(
    rows: Tensor,
    test: Tensor,
    spec: CalibrationSpec,
    previous: Codec | None = None,
    output_weight: Tensor | None = None,
) -> Training:
    """Train the transform of `spec` on vectors (n, d); the test part is only drawn."""
    if previous is not None and training_of(previous.provenance).axes is not spec.axes:
        previous = None  # what it learnt holds in its own axes only
    weight = None if output_weight is None else output_weight.to(rows.device)
    job = Job(rows, test, spec, _on(previous, rows.device), weight)
    learner = job.learner()
    if learner is None:
        raise SpecError(f"{spec.method.key} has no transform to train")
    return (yield from TRAINERS[spec.recipe](job, learner))


@dataclass(frozen=True)
class SharedTransform:
    """A transform that serves every k, with PCA refitted behind it (recipe ``origin``)."""

    transform: Transform
    pca: PCA
    losses: tuple[float, ...]

    @classmethod
    def after(cls, parts: Parts, trained: Trained) -> SharedTransform:
        """Return what training gave, with PCA of s(train)."""
        pca = fit_transformed_pca(trained.transform, parts.train)
        return cls(trained.transform, pca, trained.losses)

    @classmethod
    def of(cls, parts: Parts, codec: Codec) -> SharedTransform:
        """Return the transform of an earlier codec, with PCA of s(train)."""
        codec = codec.to(parts.train.device)
        return cls(codec.transform, fit_transformed_pca(codec.transform, parts.train), ())

    def at(self, k: int) -> Trained:
        """Return the transform with the first k axes."""
        return Trained(self.transform, self.pca.projection(k), self.losses)


Known = dict[tuple[Method, Axes], SharedTransform]
"""Transforms of recipe ``origin`` that were learnt of the same vectors."""


def _decide(
    parts: Parts, spec: CalibrationSpec, trained: Trained, started: float, *, warm_start: bool
) -> CalibrationResult:
    """Compare a trained codec with PCA on the validation part and keep the better.

    PCA learns from the same rows as the codec did. A tie is no win: PCA is the simpler codec.
    """
    origin = spec.recipe is Recipe.ORIGIN
    rival = linear_codec((parts.train_pca if origin else parts.fit_pca).projection(spec.k))
    made = _provenance(parts, spec)
    codec = Codec(trained.transform, trained.projection, made)
    judgement = compare(
        parts.validation, codec.reconstruct, rival.reconstruct, parts.rows_per_token, spec.seed
    )
    kept = spec.method if judgement.is_gain else Method.PCA
    if kept is Method.PCA and not origin:
        codec = linear_codec(parts.train_pca.projection(spec.k), made)
    return CalibrationResult(
        codec=codec,
        spec=spec,
        kept=kept,
        judgement=judgement,
        losses=trained.losses,
        elapsed_s=time.monotonic() - started,
        warm_start=warm_start,
    )


def require_k(k: int, dim: int) -> None:
    """Raise SpecError if k is not in 1 … d."""
    if not 1 <= k <= dim:
        raise SpecError(f"k must lie between 1 and the dimension {dim}; got {k}")


def _pca_result(parts: Parts, spec: CalibrationSpec, started: float) -> CalibrationResult:
    codec = linear_codec(parts.train_pca.projection(spec.k), _provenance(parts, spec))
    error = mean_squared_error(parts.validation, codec.reconstruct)
    itself = Judgement(error, error, NO_CHANGE)
    return CalibrationResult(codec, spec, Method.PCA, itself, (), time.monotonic() - started)


def _provenance(parts: Parts, spec: CalibrationSpec) -> Provenance:
    return of_vectors(parts.summary, len(parts.train), spec)


def _on(codec: Codec | None, device: torch.device) -> Codec | None:
    return None if codec is None else codec.to(device)
