"""The figures of a sweep show its most telling spline and a k the model can have."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core import CalibrationSpec, Method, Recipe, SweepSpec, load_values, run, sweep
from kvsplice_core.codec.shapes import SplineShape
from kvsplice_core.data.model_shape import PRESETS
from kvsplice_core.report.figures.sweep import bent_dims, memory_of, most_bent


@pytest.fixture
def result(vectors):
    calibration = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu")
    spec = SweepSpec((Method.SPLINE,), ks=(2, 3, 6), calibration=calibration)
    return run(sweep(load_values(vectors), spec))


def test_the_most_bent_spline_is_drawn(result):
    rows = tuple(replace(row, bend=row.k if row.k < 6 else 0.0) for row in result.rows)
    wanted = result.row(Method.SPLINE, 3).shape
    marked = tuple(
        replace(row, shape=None) if row.method is Method.SPLINE and row.k == 2 else row
        for row in rows
    )
    assert most_bent(replace(result, rows=marked)) is wanted


def test_without_a_spline_there_is_none_to_draw(result):
    assert most_bent(replace(result, rows=result.of(Method.PCA))) is None


@pytest.mark.parametrize("dims", [3, 8, 20])
def test_the_most_bent_dimensions_are_drawn(dims):
    slopes = np.ones((dims, 4), dtype=np.float32)
    slopes[dims - 1] = [0.1, 3, 0.1, 3]
    knots = np.tile(np.arange(5, dtype=np.float32), (dims, 1))
    chosen = bent_dims(SplineShape(knots, knots, slopes))
    assert dims - 1 in chosen
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(8, dims)


def test_the_memory_is_weighed_at_a_k_the_heads_can_hold(result):
    small = replace(PRESETS["gpt2"], head_dim=4)
    assert memory_of(result, PRESETS["gpt2"]).k == 6
    assert memory_of(result, small).k == 3
    assert memory_of(result, replace(small, head_dim=1)) is None
