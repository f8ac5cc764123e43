"""How training walks through the vectors and what it reports."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from kvsplice_core import CalibrationSpec, run
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.fit.training import TRAINERS, Job, Reporter, fit_transformed_pca, frozen
from tests.kvsplice_core.makers import bent_rows, learner_of, transform_of

ROWS = bent_rows(130, 4)
SPEC = CalibrationSpec(k=2, k_train=2, epochs=3, batch_size=20, device="cpu")


def job_of(rows=ROWS, **options):
    return Job(rows, rows[:30], CalibrationSpec(**{**vars(SPEC), **options}))


def trained(recipe, steps=None, **options):
    job = job_of(recipe=recipe, **options)
    return run(TRAINERS[recipe](job, job.learner()), None if steps is None else steps.append)


@given(n=st.integers(16, 90), size=st.integers(1, 100), seed=st.integers(0, 999))
def test_batches_are_those_of_a_data_loader(n, size, seed):
    rows = bent_rows(n, 2)
    job = job_of(rows, batch_size=size, seed=seed)
    loader = DataLoader(TensorDataset(rows), min(size, n), shuffle=True, drop_last=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        expected = [batch for _ in range(3) for (batch,) in loader]
    found = list(job.batches())
    assert len(found) == len(expected) == 3 * job.steps_per_epoch
    assert all(torch.equal(f[2], e) for f, e in zip(found, expected, strict=True))
    assert [f[0] for f in found] == sorted(f[0] for f in found)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_every_batch_is_a_step_and_every_epoch_a_loss(recipe):
    steps = []
    result = trained(recipe, steps)
    assert len(steps) == 3 * 6
    assert [step.epoch for step in steps] == [e for e in (1, 2, 3) for _ in range(6)]
    assert len(result.losses) == 3
    last = steps[-1]
    assert last.fraction == 1
    assert None not in (last.loss, last.test_mse, last.shape)


def test_it_looks_at_tensors_no_more_than_thirty_times_a_second(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(
        "kvsplice_core.fit.training.time.monotonic", lambda: 100 + next(clock) / 100
    )
    reporter = Reporter(job_of(epochs=50))
    transform = transform_of(Method.SPLINE, ROWS)
    projection = fit_pca(ROWS).projection(2)
    steps = [
        reporter.step(1, torch.tensor(float(i)), lambda: (transform, projection))
        for i in range(100)
    ]
    reported = [step for step in steps if step.loss is not None]
    assert 25 <= len(reported) <= 31  # in one second of that clock
    # Nothing is lost between two reports: each is the mean since the last one.
    first, second = (steps.index(step) for step in reported[:2])
    assert reported[1].loss == pytest.approx(sum(range(first + 1, second + 1)) / (second - first))


@pytest.mark.parametrize("recipe", list(Recipe))
@pytest.mark.parametrize("method", [Method.SPLINE, Method.FLOW])
def test_what_it_gives_carries_no_gradient(recipe, method):
    result = trained(recipe, method=method)
    tensors = [*result.transform.tensors().values(), *result.projection.tensors().values()]
    assert not any(tensor.requires_grad for tensor in tensors)


def test_a_frozen_copy_does_not_follow_the_learner():
    learner = learner_of(Method.FLOW, ROWS)
    copy = frozen(learner.build())
    before = copy.forward(ROWS)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(1)
    assert torch.equal(copy.forward(ROWS), before)
    assert not torch.allclose(learner.build().forward(ROWS), before)


def test_origin_ends_with_pca_of_what_it_learnt():
    result = trained(Recipe.ORIGIN)
    expected = fit_transformed_pca(result.transform, ROWS).projection(2)
    assert torch.equal(result.projection.encoder, expected.encoder)
    assert torch.equal(result.projection.offset_out, expected.offset_out)


def test_joint_starts_at_pca():
    steps = []
    trained(Recipe.JOINT, steps, batch_size=130, epochs=1)
    pca = fit_pca(ROWS).projection(2)
    error = (pca.decode(pca.encode(ROWS)) - ROWS).square().mean()
    assert steps[0].loss == pytest.approx(float(error), rel=1e-3)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_losses_fall_on_a_curve(recipe):
    losses = trained(recipe, epochs=30).losses
    assert losses[-1] < losses[0]


def test_origin_trains_at_its_own_k():
    narrow = trained(Recipe.ORIGIN, k_train=1)
    wide = trained(Recipe.ORIGIN, k_train=3)
    assert narrow.losses[0] > wide.losses[0]
    assert narrow.projection.k == wide.projection.k == 2
