"""Jobs run the core and need no application."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.dataset import density_of
from kvsplice_gui.state.wishes import DataWish
from kvsplice_gui.work.jobs import load_job, merged, sweep_job


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    path = tmp_path_factory.mktemp("jobs") / "values.npy"
    curve = np.linspace(-1, 1, 400)[:, None] * np.arange(1, 7)
    rng = np.random.default_rng(0)
    noisy = np.tanh(curve) + 0.05 * rng.standard_normal((400, 6))
    np.save(path, rng.permutation(noisy).astype(np.float32))
    return run(load_job(DataWish(source=str(path)), "cpu"))


def _spec(methods=(Method.SPLINE,), ks=(2,), **calibration):
    settings = {"epochs": 4, "device": "cpu", "recipe": Recipe.ORIGIN, "k_train": 2}
    return SweepSpec(methods, ks, CalibrationSpec(**settings | calibration))


def test_loading_gives_vectors_and_pca_at_every_k(loaded):
    dataset, result = loaded
    assert dataset.values.summary.dim == 6
    assert [info.name for info in dataset.tensors] == [dataset.values.summary.tensor]
    assert len(result.pca_curve) == 6
    assert result.methods == (Method.PCA,)
    assert result.ks == (1, 2, 3, 4, 6)


def test_loading_says_what_it_does(loaded):
    work = load_job(DataWish(source=loaded[0].values.summary.source), "cpu")
    assert "engine" in next(work).text
    work.close()


def test_density_counts_every_vector():
    rows = np.random.default_rng(1).normal(size=(1000, 3)).astype(np.float32)
    density = density_of(rows)
    assert density.edges.shape[0] == density.counts.shape[0] == 3
    assert (np.diff(density.edges, axis=1) > 0).all()
    assert density.counts.max() == 1.0


def test_density_of_a_constant_dimension_is_finite():
    density = density_of(np.ones((50, 2), dtype=np.float32))
    assert np.isfinite(density.edges).all()


def test_reuse_adds_a_k_without_training(loaded):
    dataset, _ = loaded
    first = run(sweep_job(dataset, _spec()))
    steps = []
    update = run(sweep_job(dataset, _spec(ks=(3,)), reuse=first), steps.append)
    assert all(step.calibration is None for step in steps)
    both = merged(first, update)
    assert both.ks == (2, 3)
    assert both.row(Method.SPLINE, 2) is first.row(Method.SPLINE, 2)


def test_a_warm_start_takes_a_quarter_of_the_epochs_and_says_so(loaded):
    dataset, _ = loaded
    spec = _spec(recipe=Recipe.JOINT, epochs=40, knots=8)
    first = run(sweep_job(dataset, spec))
    assert first.row(Method.SPLINE, 2).kept is Method.SPLINE
    fewer = replace(_spec(recipe=Recipe.JOINT, epochs=40, knots=5), earlier_knots=(8,))
    update = run(sweep_job(dataset, fewer, warm=first))
    row = update.row(Method.SPLINE, 2)
    assert row.calibration.warm_start
    assert row.calibration.spec.epochs == 10
    assert merged(first, update).spec.calibration.epochs == 40
    assert merged(first, update).spec.calibration.knots == 5


@pytest.mark.slow
def test_moving_the_knots_is_repeated_by_what_is_copied(loaded):
    """Both ways to the same numbers: by hand, one run after another, and at once."""
    dataset, _ = loaded
    ks = (1, 2, 4)
    spec = _spec(ks=ks, recipe=Recipe.JOINT, epochs=40, knots=8)
    by_hand = run(sweep_job(dataset, spec))
    for knots, earlier in ((5, (8,)), (6, (8, 5))):
        moved = replace(spec.calibration, knots=knots)
        asked = SweepSpec((Method.SPLINE,), ks, moved, earlier_knots=earlier)
        by_hand = merged(by_hand, run(sweep_job(dataset, asked, warm=by_hand)))
    at_once = run(sweep_job(dataset, by_hand.spec))
    assert by_hand.spec.earlier_knots == (8, 5)
    assert any(row.calibration.warm_start for row in by_hand.rows)
    assert [row.scores for row in at_once.rows] == [row.scores for row in by_hand.rows]
