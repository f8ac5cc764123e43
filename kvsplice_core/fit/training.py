"""The two ways a transform learns, as generators."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pca import PCA, fit_pca
from kvsplice_core.codec.projection import Bottleneck, Projection
from kvsplice_core.codec.registry import load
from kvsplice_core.codec.transforms.base import Learner, TrainingRates, Transform
from kvsplice_core.codec.transforms.chained import BehindAxes
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.tasks.sweep import CalibrationStep
from kvsplice_core.tasks.training import CalibrationSpec

_REPORT_EVERY_S = 1 / 30
_PROBE_VECTORS = 256
_TEST_VECTORS = 4096
# The matrices start at PCA, which is nearly right; the slopes start at nothing.
_MATRIX_RATE = 1 / 3

Training = Generator[CalibrationStep, None, "Trained"]


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Parameters
    ----------
    transform : Transform
        Without gradients.
    projection : Projection
        The bottleneck it was trained with.
    losses : tuple of float
        Mean training MSE of each epoch.
    """

    transform: Transform
    projection: Projection
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Job:
    """One training: vectors on their device and what is asked.

    Parameters
    ----------
    train, test : Tensor, shapes (n, d) and (m, d)
        The test part is only looked at, for the curve on screen.
    spec : CalibrationSpec
        What is asked.
    previous : Codec, optional
        A codec to start from.
    output_weight : Tensor, optional, shape (d, hidden)
        W_O of the vectors, for the axes it sees.
    """

    train: Tensor
    test: Tensor
    spec: CalibrationSpec
    previous: Codec | None = None
    output_weight: Tensor | None = None

    @property
    def batch_size(self) -> int:
        """Vectors a step."""
        return self.spec.resolved_batch_size(len(self.train))

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches of an epoch; a last partial batch is dropped."""
        return len(self.train) // self.batch_size

    def learner(self) -> Learner | None:
        """Return the trainable transform, seeded."""
        generator = torch.Generator().manual_seed(self.spec.seed)
        start = None if self.previous is None else self.previous.transform
        kind = load(self.spec.method)
        if isinstance(kind, BehindAxes):
            kind = kind.seeing(self.output_weight)
        return kind.start(self.train, self.spec.transform, generator, start)

    def batches(self) -> Iterator[tuple[int, int, Tensor]]:
        """Yield (epoch, step, batch), shuffled each epoch by the seed."""
        generator = torch.Generator().manual_seed(self.spec.seed)
        size = self.batch_size
        for epoch in range(1, self.spec.resolved_epochs + 1):
            order = _shuffled(len(self.train), generator).to(self.train.device)
            for step in range(self.steps_per_epoch):
                rows = order[step * size : (step + 1) * size]
                yield epoch, step, self.train.index_select(0, rows)


def _shuffled(n: int, generator: torch.Generator) -> Tensor:
    """Return the order a DataLoader takes: it draws a seed for workers, then one to shuffle by.

    The recorded results were made with one, and its very order brings them back more closely.
    """
    _, shuffle_seed = (
        torch.empty((), dtype=torch.int64).random_(generator=generator).item() for _ in range(2)
    )
    return torch.randperm(n, generator=torch.Generator().manual_seed(int(shuffle_seed)))


class Reporter:
    """Makes progress values; looks at tensors no more than 30 times a second."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._probe = job.train[:: max(1, len(job.train) // _PROBE_VECTORS)][:_PROBE_VECTORS]
        self._test = job.test[:_TEST_VECTORS]
        self._total = job.spec.resolved_epochs * job.steps_per_epoch
        self._done = 0
        self._last_report = 0.0
        self._pending: list[Tensor] = []
        self._epoch: list[Tensor] = []
        self._losses: list[float] = []

    @property
    def losses(self) -> tuple[float, ...]:
        """Mean training MSE of each finished epoch."""
        return tuple(self._losses)

    def step(
        self, epoch: int, loss: Tensor, current: Callable[[], tuple[Transform, Projection]]
    ) -> CalibrationStep:
        """Count a batch and return its progress value, with a snapshot when one is due."""
        self._done += 1
        self._pending.append(loss)
        self._epoch.append(loss)
        ends = self._done % self._job.steps_per_epoch == 0
        if ends:
            self._losses.append(float(torch.stack(self._epoch).mean()))
            self._epoch.clear()
        now = time.monotonic()
        spec = self._job.spec
        plain = CalibrationStep(
            spec.method,
            spec.k,
            epoch,
            spec.resolved_epochs,
            self._done / self._job.steps_per_epoch,
            self._done / self._total,
        )
        if now - self._last_report < _REPORT_EVERY_S and self._done < self._total:
            return plain
        self._last_report = now
        return self._snapshot(plain, ends, *current())

    def _snapshot(
        self, plain: CalibrationStep, ends: bool, transform: Transform, projection: Projection
    ) -> CalibrationStep:
        codec = Codec(transform, projection)
        loss = float(torch.stack(self._pending).mean())
        self._pending.clear()
        return replace(
            plain,
            loss=loss,
            test_mse=mean_squared_error(self._test, codec.reconstruct) if ends else None,
            shape=transform.shape(self._probe),
        )


def quarter(epochs: int) -> int:
    """Return the epochs of what goes on from where another calibration ended: a quarter."""
    return max(1, epochs // 4)


def train_origin(job: Job, learner: Learner) -> Training:
    """Alternate: refit PCA on s(train) each epoch, hold it constant while the transform learns.

    The published recipe: AdamW on the round-trip MSE at ``k_train`` axes.
    """
    rates = load(job.spec.method).rates(Recipe.ORIGIN)
    parameters = list(learner.parameters())
    optimiser = _optimiser([{"params": parameters}], rates)
    reporter = Reporter(job)
    projection: Projection | None = None
    for epoch, step, batch in job.batches():
        if step == 0 or projection is None:
            projection = fit_transformed_pca(learner.build(), job.train).projection(
                min(job.spec.k_train, job.train.shape[1])
            )
        loss = _update(learner, projection, batch, optimiser, parameters, rates)
        yield reporter.step(epoch, loss, lambda p=projection: (frozen(learner.build()), p))  # type: ignore[misc]
    transform = frozen(learner.build())
    final = fit_transformed_pca(transform, job.train)
    k = min(job.spec.k, job.train.shape[1])
    return Trained(transform, final.projection(k), reporter.losses)


def train_joint(job: Job, learner: Learner) -> Training:
    """Learn transform, encoder, decoder and offset together, started at PCA, for one k.

    Adam with the matrices at a third of the transform's rate and cosine decay to zero.
    """
    rates = load(job.spec.method).rates(Recipe.JOINT)
    bottleneck = _Bottleneck(job, learner.build())
    groups = [
        {"params": list(learner.parameters()), "lr": rates.learning_rate},
        {"params": bottleneck.parameters, "lr": rates.learning_rate * _MATRIX_RATE},
    ]
    parameters = [tensor for group in groups for tensor in group["params"]]  # type: ignore[attr-defined]
    optimiser = _optimiser(groups, rates)
    total = job.spec.resolved_epochs * job.steps_per_epoch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    reporter = Reporter(job)
    for epoch, _, batch in job.batches():
        loss = _update(learner, bottleneck.build(), batch, optimiser, parameters, rates)
        schedule.step()
        yield reporter.step(epoch, loss, lambda: (frozen(learner.build()), bottleneck.frozen()))
    return Trained(frozen(learner.build()), bottleneck.frozen(), reporter.losses)


TRAINERS = {Recipe.ORIGIN: train_origin, Recipe.JOINT: train_joint}


class _Bottleneck:
    """Encoder, decoder and offset as parameters, started at PCA or at an earlier codec."""

    def __init__(self, job: Job, transform: Transform) -> None:
        start = _start_projection(job, transform)
        self._unit = job.train.std(0).clamp_min(1e-6)
        self._offset_in = start.offset_in
        self._encoder = start.encoder.clone().requires_grad_()
        self._decoder = start.decoder.clone().requires_grad_()
        self._offset = (start.offset_out / self._unit).requires_grad_()

    @property
    def parameters(self) -> list[Tensor]:
        return [self._encoder, self._decoder, self._offset]

    def build(self) -> Projection:
        offset_out = self._offset * self._unit
        return Projection(self._encoder, self._decoder, self._offset_in, offset_out)

    def frozen(self) -> Projection:
        return self.build().map(_copy)


def _start_projection(job: Job, transform: Transform) -> Bottleneck:
    previous = job.previous
    if previous is not None and previous.k == job.spec.k and previous.method is job.spec.method:
        return previous.projection.map(_copy)
    return fit_transformed_pca(frozen(transform), job.train).projection(job.spec.k)


def fit_transformed_pca(transform: Transform, train: Tensor) -> PCA:
    """Return PCA of s(train)."""
    with torch.no_grad():
        return fit_pca(transform.forward(train))


def frozen(transform: Transform) -> Transform:
    """Return a copy of the transform that later steps do not change."""
    return transform.map(_copy)


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _optimiser(groups: list[dict[str, object]], rates: TrainingRates) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if rates.weight_decay else torch.optim.Adam
    return kind(groups, lr=rates.learning_rate, weight_decay=rates.weight_decay, fused=True)


def _update(
    learner: Learner,
    projection: Projection,
    batch: Tensor,
    optimiser: torch.optim.Optimizer,
    parameters: list[Tensor],
    rates: TrainingRates,
) -> Tensor:
    """Take one step on the round-trip MSE; return it, detached and still on its device."""
    transform = learner.build()
    z = transform.forward(batch)
    restored = transform.inverse(projection.decode(projection.encode(z)))
    error = (restored - batch).square().mean()
    penalty = learner.regulariser(z)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(error if penalty is None else error + penalty)
    if rates.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters, rates.clip_norm)
    optimiser.step()
    return error.detach()
