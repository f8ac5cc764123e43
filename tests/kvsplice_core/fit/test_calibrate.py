"""Calibration: the same for a seed, cancellable, and never worse than PCA unless asked."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, calibrate, load_values, run
from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.fit.calibrate import split_parts
from kvsplice_core.fit.metrics import mean_squared_error
from tests.kvsplice_core.makers import bent_rows, gaussian_rows, values_of

LEARNT = [method for method in Method if method.is_learnt]
BENT = values_of(bent_rows())
GAUSSIAN = values_of(gaussian_rows(800))
QUICK = CalibrationSpec(k=1, k_train=2, epochs=4, device="cpu")


def spec_of(**options):
    return replace(QUICK, **options)


def tensors_of(codec):
    return [*codec.transform.tensors().values(), *codec.projection.tensors().values()]


def pca_of(values, spec):
    return fit_pca(split_parts(values, spec).train).projection(spec.k)


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("recipe", list(Recipe))
def test_two_runs_give_the_same_bits(method, recipe):
    spec = spec_of(method=method, recipe=recipe)
    first, again = (run(calibrate(BENT, spec)) for _ in range(2))
    assert first.losses == again.losses
    assert first.validation_mse == again.validation_mse
    pairs = zip(tensors_of(first.codec), tensors_of(again.codec), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_the_global_seed_of_torch_plays_no_part():
    torch.manual_seed(1)
    first = run(calibrate(BENT, spec_of(method=Method.FLOW)))
    torch.manual_seed(2)
    assert run(calibrate(BENT, spec_of(method=Method.FLOW))).losses == first.losses


def test_another_seed_gives_other_losses():
    runs = [run(calibrate(BENT, spec_of(seed=seed))).losses for seed in (1, 2)]
    assert runs[0] != runs[1]


@pytest.mark.parametrize("method", LEARNT)
@pytest.mark.parametrize("recipe", list(Recipe))
def test_progress_rises_to_its_end(method, recipe):
    steps = []
    result = run(calibrate(BENT, spec_of(method=method, recipe=recipe)), steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    if result.kept is method or recipe is Recipe.ORIGIN:
        assert fractions[-1] == pytest.approx(1)
    assert {(step.method, step.k) for step in steps} == {(method, 1)}
    reported = [step.loss for step in steps if step.loss is not None]
    assert reported
    assert all(map(math.isfinite, reported))
    assert all(step.shape is not None for step in steps if step.loss is not None)


def test_closing_it_midway_ends_it():
    work = calibrate(BENT, QUICK)
    for _ in range(3):
        next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)


def test_a_spline_gains_on_a_curve():
    result = run(calibrate(BENT, spec_of(epochs=30)))
    assert result.kept is Method.SPLINE
    assert result.codec.method is Method.SPLINE
    assert result.validation_mse < result.validation_mse_pca
    parts = split_parts(BENT, QUICK)
    ours = mean_squared_error(parts.test, result.codec.reconstruct)
    pca = pca_of(BENT, QUICK)
    assert ours < mean_squared_error(parts.test, lambda x: pca.decode(pca.encode(x)))
    assert result.losses[29] < result.losses[0]


@pytest.mark.parametrize("method", LEARNT)
@settings(max_examples=4)
@given(seed=st.integers(0, 99))
def test_where_nothing_can_be_gained_the_codec_is_pca_or_beats_it(method, seed):
    spec = spec_of(method=method, k=3, epochs=2, seed=seed)
    values = values_of(gaussian_rows(300, seed=seed))
    result = run(calibrate(values, spec))
    if result.kept is Method.PCA:
        assert result.codec.method is Method.PCA
        expected = pca_of(values, spec)
        for name, tensor in expected.tensors().items():
            assert torch.equal(result.codec.projection.tensors()[name], tensor)
    else:
        assert result.validation_mse < result.validation_mse_pca


def test_a_method_that_loses_gives_way_to_pca():
    # All axes kept: nothing is left to gain, and a flow only adds rounding.
    result = run(calibrate(GAUSSIAN, spec_of(method=Method.FLOW, k=6, epochs=1)))
    assert result.kept is Method.PCA
    assert result.codec.method is Method.PCA


def test_origin_only_marks_what_lost():
    spec = spec_of(recipe=Recipe.ORIGIN, method=Method.FLOW, k=6, epochs=1)
    result = run(calibrate(GAUSSIAN, spec))
    assert result.kept is Method.PCA
    assert result.codec.method is Method.FLOW


def test_pca_needs_no_steps():
    steps = []
    result = run(calibrate(BENT, spec_of(method=Method.PCA, k=2)), steps.append)
    assert steps == []
    assert result.losses == ()
    assert result.kept is Method.PCA
    assert torch.equal(result.codec.projection.encoder, pca_of(BENT, spec_of(k=2)).encoder)


@pytest.mark.parametrize("recipe", list(Recipe))
@pytest.mark.parametrize("method", LEARNT)
def test_a_warm_start_begins_where_the_last_run_ended(recipe, method):
    spec = spec_of(recipe=recipe, method=method, epochs=15)
    cold = run(calibrate(BENT, spec))
    if cold.codec.method is not method:
        pytest.skip("the method did not win here")
    warm = run(calibrate(BENT, spec_of(recipe=recipe, method=method, epochs=2), cold.codec))
    assert warm.warm_start
    assert not cold.warm_start
    last = cold.losses[14]
    assert abs(warm.losses[0] - last) < abs(cold.losses[0] - last) + 0.02 * last


def test_a_warm_start_may_have_other_knots():
    cold = run(calibrate(BENT, spec_of(epochs=20, knots=8)))
    warm = run(calibrate(BENT, spec_of(epochs=1, knots=16), cold.codec))
    assert warm.losses[0] < cold.losses[0]


@pytest.mark.parametrize("recipe", list(Recipe))
@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(
    "rows",
    [
        bent_rows(16, 2),
        bent_rows(17, 3),
        bent_rows(40, 7),
        torch.cat([bent_rows(60, 3), torch.full((60, 1), 2.0)], 1),
        torch.zeros(40, 3),
        bent_rows(60, 3).round(),
    ],
    ids=["barely enough", "odd", "more odd", "a constant", "all constant", "ties"],
)
def test_awkward_vectors_give_finite_codecs(recipe, method, rows):
    values = values_of(rows)
    result = run(calibrate(values, spec_of(method=method, recipe=recipe, epochs=2)))
    assert bool(result.codec.reconstruct(rows).isfinite().all())
    assert all(map(math.isfinite, result.losses))


def test_pooled_heads_are_cut_between_tokens():
    rows = bent_rows(600, 4).reshape(100, 6, 4)
    values = load_values(rows.numpy(), axes="token head dim", pool_heads=True)
    parts = split_parts(values, QUICK)
    assert values.rows_per_token == 6
    assert (len(parts.train), len(parts.test)) == (450, 150)
    assert len(parts.validation) % 6 == 0
    assert len(parts.fit) + len(parts.validation) == len(parts.train)


def test_a_k_above_the_dimension_is_refused():
    with pytest.raises(SpecError, match="between 1 and the dimension 6; got 7"):
        run(calibrate(BENT, spec_of(k=7)))


def test_a_part_that_would_be_empty_is_refused():
    with pytest.raises(DataError):
        run(calibrate(values_of(bent_rows(16, 2)), spec_of(train_fraction=0.99)))


def test_a_validation_part_that_takes_everything_is_refused():
    with pytest.raises(DataError, match="besides its validation part"):
        run(calibrate(values_of(bent_rows(16, 2)), spec_of(validation_fraction=0.99)))


def test_the_codec_says_where_it_comes_from():
    made = run(calibrate(BENT, spec_of(seed=9))).codec.provenance
    assert made.data_sha256 == BENT.summary.sha256
    said = made.training
    assert (said["method"], said["seed"], said["epochs"]) == ("spline", 9, 4)


@pytest.mark.gpu
@pytest.mark.parametrize("method", LEARNT)
@pytest.mark.parametrize("recipe", list(Recipe))
def test_a_gpu_is_deterministic_and_close_to_the_cpu(method, recipe):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    spec = spec_of(method=method, recipe=recipe, device="cuda")
    first, again = (run(calibrate(BENT, spec)) for _ in range(2))
    assert first.losses == again.losses
    on_cpu = run(calibrate(BENT, replace(spec, device="cpu")))
    assert first.losses == pytest.approx(on_cpu.losses, rel=0.02)
