"""Composing the codec of a pipeline from the vectors of one group of heads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from math import floor

from torch import Tensor

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import relay
from kvsplice_core.codec.codec import Codec, linear_codec
from kvsplice_core.codec.kinds import Axes, Decoding, Method, Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.codec.projection import Projection, RoundedProjection, Unprojected
from kvsplice_core.codec.quantizers.base import PreparingKind, Quantizer
from kvsplice_core.codec.registry import load
from kvsplice_core.fit.basis import Metric, fit_basis
from kvsplice_core.fit.budget import Counted, count_bits
from kvsplice_core.fit.calibrate import Known, Parts, calibrate_on_trial, finish
from kvsplice_core.fit.provenance import calibration_of
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.sweep import CalibrationResult
from kvsplice_core.tasks.training import CalibrationSpec

_ROUNDS = 4
"""Times a quantizer is fitted anew until all of its codec fits the budget."""

FitQuantizer = Callable[[int], Quantizer]
Composing = Generator[float, None, Codec]
Learning = Generator[float, None, CalibrationResult | None]


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

    transforms: Known = field(default_factory=dict)
    quantizers: dict[tuple[object, ...], FitQuantizer] = field(default_factory=dict)
    on_trial: Memo | None = None

    @property
    def trial(self) -> Memo:
        """What was learnt from the rows of a trial."""
        if self.on_trial is None:
            self.on_trial = Memo()
        return self.on_trial


@dataclass(frozen=True, eq=False)
class Job:
    """One group of heads, one pipeline, one budget; the fields are those of `fit_group`."""

    parts: Parts
    pipeline: Pipeline
    budget: Budget
    calibration: CalibrationSpec
    metric: Metric | None
    memo: Memo

    @property
    def dim(self) -> int:
        """Numbers per vector."""
        return self.parts.train.shape[1]

    @property
    def k(self) -> int:
        """Numbers kept per vector."""
        return self.pipeline.k_for(self.bits, self.dim)

    @property
    def bits(self) -> float:
        """The budget in bits per value."""
        return self.budget.bits_for(self.dim)

    @property
    def spec(self) -> CalibrationSpec:
        """How the transform is calibrated."""
        return replace(calibration_of(self.pipeline, self.calibration), k=self.k)

    def counted(self, codec: Codec) -> Counted:
        """Return the bits per value of a codec, its own numbers spread over the budget's tokens."""
        return count_bits(codec, self.budget.tokens, self.parts.rows_per_token)


def untransformed(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with plain PCA in place of its transform and the axes before that."""
    return replace(pipeline, method=Method.PCA, axes=Axes.RAW)


def learn_on_trial(job: Job, on_trial: Job) -> Learning:
    """Learn the transform of a pipeline from what is not to judge it; None where it has none."""
    if not job.pipeline.method.is_learnt:
        return None
    # Recipe ``joint`` holds the validation part back by itself, and goes on from its trial later.
    own = on_trial if job.calibration.recipe is Recipe.ORIGIN else job
    work = calibrate_on_trial(own.parts, job.spec, known=own.memo.transforms)
    return (yield from relay(work, lambda step: step.fraction))


def learn(job: Job, tried: CalibrationResult | None) -> Learning:
    """Learn it from all training rows, after its trial."""
    if tried is None:
        return None
    if job.calibration.recipe is Recipe.ORIGIN:
        work = calibrate_on_trial(job.parts, job.spec, known=job.memo.transforms)
    else:
        work = finish(job.parts, tried)
    return (yield from relay(work, lambda step: step.fraction))


def compose(job: Job, learnt: CalibrationResult | None) -> Composing:
    """Compose the pipeline's codec from all training rows of a job, behind what was learnt."""
    codec = None if learnt is None else learnt.codec.plain()
    if codec is not None and codec.method is not job.pipeline.method:
        # The transform did not beat PCA: what is composed is the pipeline that does without.
        job, codec = replace(job, pipeline=untransformed(job.pipeline), metric=None), None
    return (yield from _composed(job, job.parts.train, codec))


def _composed(job: Job, rows: Tensor, learnt: Codec | None) -> Composing:
    """Compose the pipeline's codec from `rows`; the validation part chooses how smooth it is."""
    codec = base(job, rows) if learnt is None else learnt
    if not job.pipeline.keeps_numbers:
        codec = quantized(job, codec, rows)
    if job.pipeline.decoder.kind is Decoding.LINEAR:
        return codec
    codec = yield from _corrected(job, codec)
    # The decoder takes bytes too: it stays, and the levels give way.
    return codec if job.pipeline.keeps_numbers else quantized(job, codec, rows)


def base(job: Job, rows: Tensor) -> Codec:
    """Return a linear bottleneck, or none where the vectors themselves are rounded."""
    if job.pipeline.is_rounding:
        return linear_codec(Unprojected(job.dim, rows.device))
    basis = fit_basis(rows, job.metric)
    chosen = basis.greedy(rows, job.k) if job.pipeline.greedy else None
    return linear_codec(basis.projection(job.k, chosen))


def quantized(job: Job, codec: Codec, rows: Tensor) -> Codec:
    """Return the codec with its latents quantized to what the budget leaves."""
    if isinstance(codec.projection, Projection):
        # A basis in 32-bit numbers would weigh as much as a tenth of the codes.
        codec = replace(codec, projection=RoundedProjection.of(codec.projection))
    fit = _fit_of(job, codec, rows)
    side = job.counted(codec).side_bits
    if side >= job.bits:
        raise SpecError(
            f"{job.pipeline.label} takes {side:.3g} bits per value for itself, counted over "
            f"{job.budget.tokens} tokens; got a budget of {job.bits:g}"
        )
    bits = floor((job.bits - side) * job.dim)
    for _ in range(_ROUNDS):
        found = replace(codec, quantizer=_moved(fit(bits), rows))
        excess = job.counted(found).total - job.bits
        if excess <= 0:
            return found
        # whole bytes are stored, which may be fewer bits than it was given
        bits = 8 * found.stored_size - max(1, -floor(-excess * job.dim))
    raise SpecError(
        f"{job.pipeline.label} needs more than {job.bits:g} bits per value with everything "
        f"counted over {job.budget.tokens} tokens; got {job.bits:g}"
    )


def _fit_of(job: Job, codec: Codec, rows: Tensor) -> FitQuantizer:
    """Return what fits the quantizer to any budget: neither bits nor decoder move the latents."""
    spec = job.pipeline.quantizer
    kind = load(spec.kind)
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


def _corrected(job: Job, codec: Codec) -> Composing:
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

    correction = yield from load(spec.kind).fit(
        *pairs(job.parts.fit), pairs(job.parts.validation), spec
    )
    return codec if correction is None else replace(codec, correction=correction)
