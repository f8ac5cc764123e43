"""Fitting a pipeline to the vectors of one group of heads, at a budget of bits per value."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from math import floor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.axes import Axes
from kvsplice_core.calibration import (
    Parts,
    SharedTransform,
    calibrate_parts,
    train_transform,
)
from kvsplice_core.codec import Codec
from kvsplice_core.decoders.spec import DecoderSpec, Decoding
from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method
from kvsplice_core.metrics import row_errors
from kvsplice_core.pca import Projection, Unprojected, fit_pca
from kvsplice_core.pipelines.basis import Metric, fit_basis
from kvsplice_core.pipelines.budget import Budget, Counted, count_bits
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.progress import relay
from kvsplice_core.provenance import calibration_info, data_info
from kvsplice_core.quantizers.base import PreparingKind, Quantizer
from kvsplice_core.quantizers.spec import Quantization, QuantizerSpec
from kvsplice_core.rounded_projection import RoundedProjection
from kvsplice_core.specs import CalibrationSpec, Recipe
from kvsplice_core.transforms.identity import Identity

WHOLE_BYTES = 1.05
"""Quantized pipelines end a little under their budget; what they are compared with gets it all."""
_ROUNDS = 4
"""Times a quantizer is fitted anew until all of its codec fits the budget."""

Fit = Generator[float, None, "GroupFit"]
FitQuantizer = Callable[[int], Quantizer]
Composing = Generator[float, None, Codec]


@dataclass(eq=False)
class Memo:
    """What was learnt of the vectors of one group of heads that serves every budget.

    Parameters
    ----------
    transforms : dict
        Of recipe ``origin``, by method and axes.
    quantizers : dict
        What fits a quantizer to any budget, by all that the latents depend on.
    on_trial : Memo or None
        The same of the rows that a trial learns from.
    """

    transforms: dict[tuple[Method, Axes], SharedTransform] = field(default_factory=dict)
    quantizers: dict[tuple[object, ...], FitQuantizer] = field(default_factory=dict)
    on_trial: Memo | None = None

    @property
    def trial(self) -> Memo:
        """What was learnt from the rows of a trial."""
        if self.on_trial is None:
            self.on_trial = Memo()
        return self.on_trial


@dataclass(frozen=True, eq=False)
class GroupFit:
    """A fitted pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        What was asked for.
    codec : Codec
        The pipeline's, or what replaces it.
    replaced_by : Pipeline or None
        Plain PCA at its k or plain rounding at its bits, where that was better on the validation
        part; or the pipeline without a transform or decoder that earned no place in it.
    counted : Counted
        Bits per value.
    validation_error, validation_reference : float
        Mean squared errors that decided, in the pipeline's own metric; the latter is NaN where
        there was nothing to compare with.
    errors : ndarray, shape (test vectors,), fp64
        Squared error of each test vector, summed over its numbers.
    spread : ndarray, shape (test vectors,), fp64
        The same for the training mean.
    """

    pipeline: Pipeline
    codec: Codec
    replaced_by: Pipeline | None
    counted: Counted
    validation_error: float
    validation_reference: float
    errors: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def kept(self) -> Pipeline:
        """What the codec is."""
        return self.replaced_by or self.pipeline


@dataclass(frozen=True, eq=False)
class _Job:
    """One group, one pipeline, one budget."""

    parts: Parts
    pipeline: Pipeline
    budget: Budget
    calibration: CalibrationSpec
    metric: Metric | None
    memo: Memo

    @property
    def dim(self) -> int:
        return self.parts.train.shape[1]

    @property
    def k(self) -> int:
        return self.pipeline.k_for(self.budget.bits, self.dim)

    def counted(self, codec: Codec) -> Counted:
        return count_bits(codec, self.budget.tokens, self.parts.rows_per_token)


def fit_group(
    parts: Parts,
    pipeline: Pipeline,
    budget: Budget,
    calibration: CalibrationSpec,
    metric: Metric | None = None,
    memo: Memo | None = None,
) -> Fit:
    """Fit a pipeline, decide on the validation part whether it earns its place, and measure it.

    A generator: it yields the share that is done and returns the fit; closing it cancels.

    Parameters
    ----------
    parts : Parts
        Vectors (n, d) of one group of heads.
    pipeline : Pipeline
    budget : Budget
        A pipeline that keeps 16-bit numbers gets the k its bits per token give, the codec's own
        bytes coming on top; a quantized one stays within the budget with everything counted.
    calibration : CalibrationSpec
        How a transform is learnt; its method and k are set.
    metric : Metric, optional
        Where the pipeline's axes are those of the output projection.
    memo : Memo, optional
        Keeps what serves every budget; for the same vectors and calibration.

    Raises
    ------
    SpecError
        If the budget is too small for the pipeline.
    """
    job = _Job(parts, pipeline, budget, calibration, metric, Memo() if memo is None else memo)
    if job.k < 1:
        raise SpecError(
            f"{pipeline.label} needs at least {16 / job.dim:.3g} bits per value for vectors of "
            f"{job.dim}; got {budget.bits:g}"
        )
    on_trial = _trial_of(job)
    trial = yield from relay(_whole(on_trial), lambda share: share / 2)
    reference, rival = _reference(job, trial, parts.fit)
    ours = _mean_error(job, trial)
    theirs = float("nan") if rival is None else _mean_error(job, rival)
    replaced = reference if rival is not None and ours > theirs else None
    if replaced is None:
        codec = yield from relay(_whole(job), lambda share: (1 + share) / 2)
        kept = _earned(pipeline, codec)
        replaced = None if kept == pipeline else kept
    else:
        codec = _reference(job, trial, parts.train)[1] or rival or trial
    codec = replace(codec, info=_info(job, replaced))
    errors = _test_errors(parts, codec)
    return GroupFit(pipeline, codec, replaced, job.counted(codec), ours, theirs, *errors)


def _earned(pipeline: Pipeline, codec: Codec) -> Pipeline:
    """Return the pipeline without the parts that its codec was left without."""
    if codec.method is not pipeline.method:
        pipeline = _untransformed(pipeline)
    if codec.correction is None and pipeline.decoder.kind is not Decoding.LINEAR:
        pipeline = replace(pipeline, decoder=DecoderSpec(), greedy=False)
    return pipeline


def _untransformed(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with plain PCA in place of its transform and the axes before that."""
    return replace(pipeline, method=Method.PCA, axes=Axes.RAW)


def _trial_of(job: _Job) -> _Job:
    """Return the job that learns from the rows before the validation part alone.

    The last of them decide in its stead, so that the validation part is seen by nothing it judges.
    """
    fit = job.parts.fit
    deciding = min(job.parts.validation_rows, len(fit) // 4)
    own = replace(job.parts, train=fit, validation_rows=max(1, deciding))
    return replace(job, parts=own, memo=job.memo.trial)


def _whole(job: _Job) -> Composing:
    """Compose the pipeline's codec from all training rows of a job."""
    learnt = yield from relay(_learnt(job), lambda share: 0.6 * share)
    start = 0.0 if learnt is None else 0.6
    if learnt is not None and learnt.method is not job.pipeline.method:
        # The transform did not beat PCA: what is composed is the pipeline that does without.
        job, learnt = replace(job, pipeline=_untransformed(job.pipeline), metric=None), None
    work = _composed(job, job.parts.train, learnt)
    return (yield from relay(work, lambda share: start + (1 - start) * share))


def _learnt(job: _Job) -> Generator[float, None, Codec | None]:
    """Calibrate a transform that learns, from all training rows; None where there is none."""
    if not job.pipeline.method.is_learnt:
        return None
    spec = replace(job.calibration, method=job.pipeline.method, k=job.k, axes=job.pipeline.axes)
    if spec.recipe is not Recipe.ORIGIN:
        result = yield from relay(calibrate_parts(job.parts, spec), lambda step: step.fraction)
        return result.codec
    parts, key = job.parts, (spec.method, spec.axes)
    if key not in job.memo.transforms:
        work = train_transform(parts.train, parts.test, spec, output_weight=parts.output_weight)
        trained = yield from relay(work, lambda step: step.fraction)
        job.memo.transforms[key] = SharedTransform.after(parts, trained)
    shared = job.memo.transforms[key].at(job.k)
    return Codec(spec.method, shared.transform, shared.projection)


def _composed(job: _Job, rows: Tensor, learnt: Codec | None) -> Composing:
    """Compose the pipeline's codec from `rows`; the validation part chooses how smooth it is."""
    codec = _base(job, rows) if learnt is None else learnt
    if not job.pipeline.keeps_numbers:
        codec = _quantized(job, codec, rows)
    if job.pipeline.decoder.kind is Decoding.LINEAR:
        return codec
    codec = yield from _corrected(job, codec)
    # The decoder takes bytes too: it stays, and the levels give way.
    return codec if job.pipeline.keeps_numbers else _quantized(job, codec, rows)


def _base(job: _Job, rows: Tensor) -> Codec:
    """Return a linear bottleneck, or none where the vectors themselves are rounded."""
    if job.pipeline.is_rounding:
        return Codec(Method.PCA, Identity(job.dim), Unprojected(job.dim).to(rows.device))
    basis = fit_basis(rows, job.metric)
    chosen = basis.greedy(rows, job.k) if job.pipeline.greedy else None
    return _linear(basis.projection(job.k, chosen))


def _linear(projection: Projection) -> Codec:
    return Codec(Method.PCA, Identity(len(projection.offset_in)), projection)


def _quantized(job: _Job, codec: Codec, rows: Tensor) -> Codec:
    """Return the codec with its latents quantized to what the budget leaves."""
    if not isinstance(codec.projection, Unprojected | RoundedProjection):
        # A basis in 32-bit numbers would weigh as much as a tenth of the codes.
        codec = replace(codec, projection=RoundedProjection.of(codec.projection))
    fit = _fit_of(job, codec, rows)
    side = job.counted(codec).side_bits
    if side >= job.budget.bits:
        raise SpecError(
            f"{job.pipeline.label} takes {side:.3g} bits per value for itself, counted over "
            f"{job.budget.tokens} tokens; got a budget of {job.budget.bits:g}"
        )
    bits = floor((job.budget.bits - side) * job.dim)
    for _ in range(_ROUNDS):
        chosen = job.pipeline.quantizer.kind
        found = replace(codec, quantization=chosen, quantizer=_moved(fit(bits), rows))
        excess = job.counted(found).total - job.budget.bits
        if excess <= 0:
            return found
        # whole bytes are stored, which may be fewer bits than it was given
        bits = 8 * found.stored_size - max(1, -floor(-excess * job.dim))
    raise SpecError(
        f"{job.pipeline.label} needs more than {job.budget.bits:g} bits per value with everything "
        f"counted over {job.budget.tokens} tokens; got {job.budget.bits:g}"
    )


def _fit_of(job: _Job, codec: Codec, rows: Tensor) -> FitQuantizer:
    """Return what fits the quantizer to any budget: neither bits nor decoder move the latents."""
    spec, kind = job.pipeline.quantizer, job.pipeline.quantizer.kind.kind
    if not isinstance(kind, PreparingKind):
        return partial(kind.fit, _latents(codec, rows), spec)
    key = (job.pipeline.method, job.pipeline.axes, spec, len(rows))
    if key not in job.memo.quantizers:
        job.memo.quantizers[key] = kind.prepare(_latents(codec, rows), spec)
    return job.memo.quantizers[key]


def _latents(codec: Codec, rows: Tensor) -> Tensor:
    """Return what a quantizer is fitted to, on the CPU where the device has no fp64."""
    latents = codec.latent(rows)
    return latents.cpu() if latents.device.type == "mps" else latents


def _moved(quantizer: Quantizer, like: Tensor) -> Quantizer:
    return quantizer.map(lambda tensor: tensor.to(like.device))


def _corrected(job: _Job, codec: Codec) -> Composing:
    """Return the codec with what its nonlinear decoder adds; as it is where that gains nothing.

    The validation part decides how smooth it is, and is learnt from afterwards too: it must not be
    among the rows it decides about.
    """
    spec = job.pipeline.decoder

    def pairs(x: Tensor) -> tuple[Tensor, Tensor]:
        z = codec.transform.forward(x)
        latent = codec.latent(x)
        if codec.quantizer is not None:
            latent = codec.quantizer.unpack(codec.quantizer.pack(latent))
        return latent, z - codec.projection.decode(latent)

    correction = yield from spec.kind.kind.fit(
        *pairs(job.parts.fit), pairs(job.parts.validation), spec
    )
    return (
        codec if correction is None else replace(codec, decoding=spec.kind, correction=correction)
    )


def _reference(job: _Job, trial: Codec, rows: Tensor) -> tuple[Pipeline, Codec | None]:
    """Return what a pipeline must not be worse than, fitted to `rows`; None where none fits.

    Plain rounding gets the bits that the pipeline took, not those it was offered: int8 leaves much
    of a large budget. What whole bytes leave over it gets as well.
    """
    if job.pipeline.keeps_numbers:
        return Pipeline(job.pipeline.grouping), _linear(fit_pca(rows).projection(job.k))
    rounding = Pipeline(job.pipeline.grouping, quantizer=QuantizerSpec(Quantization.ROUNDING))
    spare = WHOLE_BYTES if job.pipeline.fills_budget else 1.0
    taken = min(job.budget.bits, spare * job.counted(trial).total)
    plain = replace(job, pipeline=rounding, budget=replace(job.budget, bits=taken))
    try:
        return rounding, _quantized(plain, _base(plain, rows), rows)
    except SpecError:
        return rounding, None


def _mean_error(job: _Job, codec: Codec) -> float:
    """Return the mean squared error on the validation part in the pipeline's metric."""
    x, stored = job.parts.validation, as_stored(codec)
    if job.metric is None:
        return float(row_errors(x, stored).mean())
    missed = (x - stored(x)) @ job.metric.root
    return float(missed.cpu().double().square().mean())


def as_stored(codec: Codec) -> Callable[[Tensor], Tensor]:
    """Return what comes back of vectors when numbers that are kept take the 16 bits counted."""
    if codec.quantizer is not None:
        return codec.reconstruct
    most = torch.finfo(torch.float16).max
    return lambda x: codec.restore(codec.latent(x).clamp(-most, most).half().float())


def _test_errors(parts: Parts, codec: Codec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = parts.train.mean(0)
    found = (
        row_errors(parts.test, as_stored(codec)),
        row_errors(parts.test, mean.expand_as),
    )
    return found[0] * codec.dim, found[1] * codec.dim


def _info(job: _Job, replaced: Pipeline | None) -> dict[str, object]:
    return {
        **data_info(job.parts.summary, len(job.parts.train)),
        **pipeline_info(job.pipeline, job.calibration),
        "pipeline": job.pipeline.key,
        "kept": (replaced or job.pipeline).key,
        "bits": job.budget.bits,
        "counted_tokens": job.budget.tokens,
    }


def pipeline_info(pipeline: Pipeline, calibration: CalibrationSpec) -> dict[str, object]:
    """Return how the transform of a pipeline was calibrated, which brings its own axes."""
    return calibration_info(replace(calibration, method=pipeline.method, axes=pipeline.axes))
