"""Fitting a pipeline to the vectors of one group of heads, at a budget of bits per value."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Judgement
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding, Quantization
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.quantizers.spec import QuantizerSpec
from kvsplice_core.fit.basis import Metric
from kvsplice_core.fit.budget import Counted
from kvsplice_core.fit.calibrate import Parts
from kvsplice_core.fit.compose import (
    Job,
    Memo,
    base,
    compose,
    learn,
    learn_on_trial,
    quantized,
    untransformed,
)
from kvsplice_core.fit.judge import judge, rounding_error
from kvsplice_core.fit.metrics import row_errors
from kvsplice_core.fit.provenance import calibration_of, of_vectors
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.training import CalibrationSpec

WHOLE_BYTES = 1.05
"""Quantized pipelines end a little under their budget; what they are compared with gets it all."""

Fitting = Generator[float, None, "Fit"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What codecs store, and what they err on the test part.

    Parameters
    ----------
    counted : Counted
        Bits per value.
    errors : ndarray, shape (test vectors or tokens,), fp64
        Squared error of each, summed over its numbers.
    spread : ndarray, of the same shape, fp64
        The same for the training mean.
    rounding : float
        What rounding alone adds to `errors`; see `rounding_error`.
    """

    counted: Counted
    errors: NDArray[np.float64]
    spread: NDArray[np.float64]
    rounding: float

    @property
    def nmse(self) -> float:
        """Error over that of answering the training mean."""
        return float(self.errors.sum() / max(self.spread.sum(), np.finfo(np.float64).tiny))


@dataclass(frozen=True, eq=False)
class Fit(Measured):
    """A pipeline fitted to the vectors of one group of heads, and measured on each test vector.

    Parameters
    ----------
    pipeline : Pipeline
        What was asked for.
    codec : Codec
        The pipeline's, or what replaces it.
    replaced_by : Pipeline or None
        Plain PCA at its k or plain rounding at its bits, where the pipeline was no clear gain on
        that; or the pipeline without a transform or decoder that earned no place in it.
    judgement : Judgement
        What decided: the pipeline against plain PCA or plain rounding, in its own metric, on the
        validation part; against itself where it is that, or where none fits.
    """

    pipeline: Pipeline
    codec: Codec
    replaced_by: Pipeline | None
    judgement: Judgement

    @property
    def kept(self) -> Pipeline:
        """What the codec is."""
        return self.replaced_by or self.pipeline

    @property
    def validation_error(self) -> float:
        """Mean squared error on the validation part of what was kept, as it was on trial."""
        lost = self.replaced_by is not None and not self.judgement.is_gain
        return self.judgement.theirs if lost else self.judgement.ours


def fit_group(
    parts: Parts,
    pipeline: Pipeline,
    budget: Budget,
    calibration: CalibrationSpec,
    metric: Metric | None = None,
    memo: Memo | None = None,
) -> Fitting:
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
    job = Job(parts, pipeline, budget, calibration, metric, Memo() if memo is None else memo)
    if job.k < 1:
        raise SpecError(
            f"{pipeline.label} needs at least {16 / job.dim:.3g} bits per value for vectors of "
            f"{job.dim}; got {job.bits:g}"
        )
    on_trial = _trial_of(job)
    tried = yield from relay(learn_on_trial(job, on_trial), lambda share: 0.3 * share)
    trial = yield from relay(compose(on_trial, tried), lambda share: 0.3 + 0.2 * share)
    reference, rival = _reference(job, trial, parts.fit)
    judgement = _judged(job, trial, trial if rival is None else rival)
    replaced = None if rival is None or judgement.is_gain else reference
    if replaced is None:
        learnt = yield from relay(learn(job, tried), lambda share: 0.5 + 0.3 * share)
        codec = yield from relay(compose(job, learnt), lambda share: 0.8 + 0.2 * share)
        kept = _earned(pipeline, codec)
        replaced = None if kept == pipeline else kept
    else:
        codec = _reference(job, trial, parts.train)[1] or rival or trial
    codec = replace(codec, provenance=_provenance(job, replaced))
    return Fit(
        counted=job.counted(codec),
        errors=job.dim * row_errors(parts.test, as_stored(codec)),
        spread=job.dim * row_errors(parts.test, parts.train.mean(0).expand_as),
        rounding=job.dim * rounding_error(parts.test),
        pipeline=pipeline,
        codec=codec,
        replaced_by=replaced,
        judgement=judgement,
    )


def _earned(pipeline: Pipeline, codec: Codec) -> Pipeline:
    """Return the pipeline without the parts that its codec was left without."""
    if codec.method is not pipeline.method:
        pipeline = untransformed(pipeline)
    if codec.correction is None and pipeline.decoder.kind is not Decoding.LINEAR:
        pipeline = replace(pipeline, decoder=DecoderSpec(), greedy=False)
    return pipeline


def _trial_of(job: Job) -> Job:
    """Return the job that learns from the rows before the validation part alone.

    The last of them decide in its stead, so that the validation part is seen by nothing it judges.
    """
    fit = job.parts.fit
    deciding = min(job.parts.validation_rows, len(fit) // 4)
    own = replace(job.parts, train=fit, validation_rows=max(1, deciding))
    return replace(job, parts=own, memo=job.memo.trial)


def _reference(job: Job, trial: Codec, rows: Tensor) -> tuple[Pipeline, Codec | None]:
    """Return what a pipeline must gain on, fitted to `rows`; None where it is that, or none fits.

    Plain rounding gets the bits that the pipeline took, not those it was offered: int8 leaves much
    of a large budget. What whole bytes leave over it gets as well.
    """
    plain = Pipeline(job.pipeline.grouping)
    rounding = replace(plain, quantizer=QuantizerSpec(Quantization.ROUNDING))
    if job.pipeline in (plain, rounding):
        return job.pipeline, None
    if job.pipeline.keeps_numbers:
        return plain, linear_codec(fit_pca(rows).projection(job.k))
    spare = WHOLE_BYTES if job.pipeline.fills_budget else 1.0
    taken = min(job.bits, spare * job.counted(trial).total)
    rival = replace(job, pipeline=rounding, budget=Budget(taken, job.budget.tokens))
    try:
        return rounding, quantized(rival, base(rival, rows), rows)
    except SpecError:
        return rounding, None


def _judged(job: Job, ours: Codec, theirs: Codec) -> Judgement:
    """Judge two codecs on the validation part, in the pipeline's metric."""
    x, root = job.parts.validation, None if job.metric is None else job.metric.root
    first, second = (row_errors(x, as_stored(codec), root) for codec in (ours, theirs))
    rounding = rounding_error(x if root is None else x @ root)
    return judge(first, second, rounding, job.parts.rows_per_token, job.calibration.seed)


def as_stored(codec: Codec) -> Callable[[Tensor], Tensor]:
    """Return what comes back of vectors when numbers that are kept take the 16 bits counted."""
    if codec.quantizer is not None:
        return codec.reconstruct
    most = torch.finfo(torch.float16).max
    return lambda x: codec.restore(codec.latent(x).clamp(-most, most).half().float())


def _provenance(job: Job, replaced: Pipeline | None) -> Provenance:
    spec = calibration_of(job.pipeline, job.calibration)
    return replace(
        of_vectors(job.parts.summary, len(job.parts.train), spec),
        pipeline=job.pipeline.key,
        kept=(replaced or job.pipeline).key,
        counted_tokens=job.budget.tokens,
        notes={"budget_bits": job.bits},
    )
