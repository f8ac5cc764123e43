"""The recorded table of the origin's two scripts, and what `joint` reaches."""

import csv
from pathlib import Path

import pytest

from kvsplice_core import CalibrationSpec, SweepSpec, load_values, run, sweep
from kvsplice_core.codec.kinds import KnotPlacement, Method, Recipe

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden"
KS = (8, 12, 16, 24, 32, 48, 64)


def recorded(name):
    """Return {k: {column: MSE}} of a recorded file."""
    with (GOLDEN / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        int(row["k"]): {
            column.removeprefix("test_mse_"): float(text)
            for column, text in row.items()
            if column != "k"
        }
        for row in rows
    }


SPLINE = recorded("results_spline_pca.csv")
FLOW = recorded("results_affineflow_pca.csv")


@pytest.fixture(scope="module")
def values():
    return load_values("geometric-mix")


@pytest.fixture(scope="module")
def origin(values):
    calibration = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=12, seed=5, device="cpu")
    return run(sweep(values, SweepSpec(ks=KS, calibration=calibration)))


@pytest.fixture(scope="module")
def joint(values):
    calibration = CalibrationSpec(device="cpu")
    return run(sweep(values, SweepSpec((Method.SPLINE,), (2, 4, 8), calibration)))


@pytest.fixture(scope="module")
def finer(values):
    learnt = KnotPlacement.LEARNT
    calibration = CalibrationSpec(knots=32, epochs=80, knot_placement=learnt, device="cpu")
    return run(sweep(values, SweepSpec((Method.SPLINE,), (2, 4, 8), calibration)))


def mse(result, method, k):
    return result.row(method, k).scores.mse


@pytest.mark.parametrize("k", KS)
def test_pca_equals_the_record(origin, k):
    assert mse(origin, Method.PCA, k) == pytest.approx(SPLINE[k]["PCA"], rel=1e-4)
    assert SPLINE[k]["PCA"] == FLOW[k]["PCA"]


@pytest.mark.parametrize("k", KS)
def test_the_spline_equals_the_record(origin, k):
    assert mse(origin, Method.SPLINE, k) == pytest.approx(SPLINE[k]["SplinePCA"], rel=1e-3)


@pytest.mark.parametrize("k", KS)
def test_the_spline_is_no_worse_than_pca(origin, k):
    # The margin is there because the recorded file itself lies above PCA at k = 48: 0.00056140
    # against 0.00056132, by 1.6e-4 of it. The transform is trained at k = 16 and serves every k.
    assert mse(origin, Method.SPLINE, k) <= mse(origin, Method.PCA, k) * (1 + 5e-4)


def test_the_spline_gains_at_low_k(origin):
    assert mse(origin, Method.SPLINE, 8) <= 0.001313


@pytest.mark.parametrize("k", KS)
def test_the_flow_is_close_to_pca(origin, k):
    assert mse(origin, Method.FLOW, k) == pytest.approx(mse(origin, Method.PCA, k), rel=5e-3)


@pytest.mark.parametrize(("k", "reached"), [(2, 0.075), (4, 0.0045), (8, 0.00100)])
def test_joint_reaches_what_was_measured(joint, k, reached):
    assert joint.row(Method.SPLINE, k).kept is Method.SPLINE
    assert mse(joint, Method.SPLINE, k) <= reached


@pytest.mark.parametrize(("k", "target"), [(2, 0.060), (4, 0.0038), (8, 0.00095)])
def test_more_knots_that_are_learnt_and_more_epochs_reach_the_targets(finer, k, target):
    assert finer.row(Method.SPLINE, k).kept is Method.SPLINE
    assert mse(finer, Method.SPLINE, k) <= target
