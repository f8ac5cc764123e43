"""A sweep gives the same rows in whatever order it computes them."""

import math

import pytest
import torch

from kvsplice_core import CalibrationSpec, SweepSpec, run, sweep
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.codec.kinds import Method, Recipe
from tests.kvsplice_core.makers import bent_rows, values_of

VALUES = values_of(bent_rows(300, 5))
BOTH = pytest.mark.parametrize("recipe", list(Recipe))


def spec_of(recipe=Recipe.JOINT, methods=tuple(Method), ks=(1, 3, 5), first_k=None, **options):
    calibration = CalibrationSpec(recipe=recipe, epochs=3, k_train=2, device="cpu", **options)
    return SweepSpec(methods, ks, calibration, first_k)


def numbers(result):
    return [(row.method, row.k, row.kept, row.scores, row.change) for row in result.rows]


@BOTH
def test_the_first_k_changes_nothing(recipe):
    plain = run(sweep(VALUES, spec_of(recipe)))
    rows = []
    other = run(sweep(VALUES, spec_of(recipe, first_k=3)), lambda step: rows.append(step.row))
    assert numbers(other) == numbers(plain)
    learnt = [row for row in rows if row is not None and row.method.is_learnt]
    assert {row.k for row in learnt[:2]} == {3}


@BOTH
def test_rows_are_sorted_and_complete(recipe):
    result = run(sweep(VALUES, spec_of(recipe, methods=(Method.FLOW, Method.SPLINE))))
    order = [(row.k, list(Method).index(row.method)) for row in result.rows]
    assert order == sorted(order)
    assert result.methods == tuple(Method)
    assert result.ks == (1, 3, 5)
    assert len(result.rows) == 9


def test_pca_is_always_there_and_needs_no_comparison():
    result = run(sweep(VALUES, spec_of(methods=(Method.SPLINE,))))
    for k in result.ks:
        row = result.row(Method.PCA, k)
        assert row.change is None
        assert row.scores.mse == pytest.approx(result.pca_curve[k - 1], rel=1e-4, abs=1e-12)
        assert result.row(Method.SPLINE, k).change is not None
    assert len(result.pca_curve) == len(result.variance_kept) == 5
    assert (result.train_vectors, result.test_vectors) == (225, 75)


@BOTH
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_all_dimensions_kept_is_a_tie(recipe, offset):
    values = values_of(bent_rows(300, 5) + offset)
    result = run(sweep(values, spec_of(recipe, methods=(Method.SPLINE,), ks=(5,))))
    change = result.row(Method.SPLINE, 5).change
    assert change.percent == 0
    assert change.verdict is Verdict.TIE


@BOTH
def test_progress_rises_and_every_row_is_told(recipe):
    steps = []
    result = run(sweep(VALUES, spec_of(recipe)), steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    told = [step.row for step in steps if step.row is not None]
    assert sorted(map(id, told)) == sorted(map(id, result.rows))
    assert steps[0].pca_curve == result.pca_curve
    assert not any(step.pca_curve for step in steps[1:])
    assert steps[-1].rows_done == steps[-1].rows_total == 6


def calibration_steps(work):
    steps = []
    result = run(work, steps.append)
    return [step for step in steps if step.calibration is not None], result


@pytest.mark.parametrize("method", [Method.SPLINE, Method.FLOW])
def test_reuse_trains_nothing_and_gives_the_same(method):
    spec = spec_of(Recipe.ORIGIN, methods=(method,))
    trained, first = calibration_steps(sweep(VALUES, spec))
    assert trained
    codec = first.row(method, 3).calibration.codec
    more = spec_of(Recipe.ORIGIN, methods=(method,), ks=(1, 2, 3, 4))
    steps, again = calibration_steps(sweep(VALUES, more, reuse={method: codec}))
    assert steps == []
    assert again.ks == (1, 2, 3, 4)
    for k in (1, 3):
        assert again.row(method, k).scores == first.row(method, k).scores


def test_origin_trains_a_method_once_for_all_k():
    one, _ = calibration_steps(sweep(VALUES, spec_of(Recipe.ORIGIN, ks=(3,))))
    many, _ = calibration_steps(sweep(VALUES, spec_of(Recipe.ORIGIN, ks=(1, 2, 3, 4, 5))))
    assert len(one) == len(many)


@BOTH
def test_a_start_is_used_and_said(recipe):
    spec = spec_of(recipe, methods=(Method.SPLINE,), ks=(1,), batch_size=20)
    cold = run(sweep(VALUES, spec)).row(Method.SPLINE, 1)
    assert not cold.calibration.warm_start
    start = {(Method.SPLINE, 1): cold.calibration.codec}
    warm = run(sweep(VALUES, spec, start=start)).row(Method.SPLINE, 1)
    assert warm.calibration.warm_start
    assert warm.calibration.losses[0] < cold.calibration.losses[0]


def test_a_k_above_the_dimension_is_refused_before_any_work():
    work = sweep(VALUES, spec_of(ks=(1, 6)))
    with pytest.raises(SpecError, match="between 1 and the dimension 5; got 6"):
        next(work)


@BOTH
@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_closing_it_midway_ends_it(recipe, steps):
    work = sweep(VALUES, spec_of(recipe))
    for _ in range(steps):
        next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)


def test_the_result_names_what_it_was_made_from():
    result = run(sweep(VALUES, spec_of(methods=(Method.PCA,))))
    assert result.data == VALUES.summary
    assert result.device == "cpu"
    assert {"kvsplice", "python", "torch", "numpy"} <= result.versions.keys()
    assert math.isfinite(result.elapsed_s)


@pytest.mark.gpu
def test_a_gpu_sweeps_like_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    spec = SweepSpec(ks=(1, 3), calibration=CalibrationSpec(epochs=3, device="cuda"))
    result = run(sweep(VALUES, spec))
    assert result.device.startswith("cuda")
    on_cpu = run(sweep(VALUES, spec_of(ks=(1, 3))))
    for k in (1, 3):
        ours, theirs = (r.row(Method.PCA, k).scores.mse for r in (result, on_cpu))
        assert ours == pytest.approx(theirs, rel=1e-3)
