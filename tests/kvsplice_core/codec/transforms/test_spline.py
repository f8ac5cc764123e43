"""A spline increases strictly and comes back, also on awkward data."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import Curve, Method
from kvsplice_core.codec.transforms.knots import Knots, quantile_knots
from kvsplice_core.codec.transforms.spline import Spline, SplineLearner
from kvsplice_core.codec.transforms.spline_kind import KIND
from tests.kvsplice_core.makers import bent_rows, learner_of, transform_of


@pytest.mark.parametrize("roughness", [0.0, 1.0])
def test_a_constant_dimension_comes_back_and_learns_nothing_but_finite_numbers(roughness):
    rows = bent_rows(100, 3)
    rows[:, 1] = 7.25
    learner = learner_of(Method.SPLINE, rows, roughness)
    spline = learner.build()
    loss = (spline.inverse(spline.forward(rows) * 1.1) - rows).square().mean()
    loss.backward()
    assert all(bool(p.grad.isfinite().all()) for p in learner.parameters())
    back = spline.inverse(spline.forward(rows))
    torch.testing.assert_close(back, rows, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_far_outside_the_knots_follow_the_end_segments(dtype):
    rows = bent_rows(100, 3).to(dtype)
    spline = transform_of(Method.SPLINE, rows, 0.5)
    far = torch.tensor([[-1e3], [1e3]], dtype=dtype).expand(2, 3).contiguous()
    z = spline.forward(far)
    low = spline.knots_out[0] + spline.slopes[0] * (far[0] - spline.knots_in[0])
    high = spline.knots_out[-1] + spline.slopes[-1] * (far[1] - spline.knots_in[-1])
    torch.testing.assert_close(z, torch.stack([low, high]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(spline.inverse(z), far, rtol=1e-5, atol=1e-5)


@given(roughness=st.sampled_from([0.0, 0.5, 2.0]), seed=st.integers(0, 99))
def test_knots_meet_knots(roughness, seed):
    spline = transform_of(Method.SPLINE, bent_rows(100, 3, seed).double(), roughness)
    torch.testing.assert_close(
        spline.forward(spline.knots_in), spline.knots_out, rtol=1e-10, atol=1e-10
    )
    torch.testing.assert_close(
        spline.inverse(spline.knots_out), spline.knots_in, rtol=1e-8, atol=1e-8
    )


def test_slopes_bend_but_only_the_scale_stretches_the_range():
    rows = bent_rows(100, 3).double()
    learner = learner_of(Method.SPLINE, rows)
    with torch.no_grad():
        learner.parameters()[0].add_(torch.randn(15, 3, dtype=torch.float64))
    spline = learner.build()
    torch.testing.assert_close(
        spline.knots_out[-1] - spline.knots_out[0], spline.knots_in[-1] - spline.knots_in[0]
    )


@given(knots=st.integers(3, 64), seed=st.integers(0, 99))
def test_knots_are_the_quantiles_numpy_finds(knots, seed):
    rows = bent_rows(50, 2, seed)
    expected = np.quantile(rows.double().numpy(), np.linspace(0, 1, knots), axis=0)
    found = quantile_knots(rows, knots)
    assert found.dtype == rows.dtype
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)
    assert bool((found[1:] >= found[:-1]).all())


def test_a_start_with_more_knots_keeps_the_curve_nearly():
    rows = bent_rows(300, 3)
    coarse = transform_of(Method.SPLINE, rows, 0.3, knots=5)
    fine = SplineLearner(Knots(quantile_knots(rows, 17)), rows.std(0), coarse).build()
    torch.testing.assert_close(fine.forward(rows), coarse.forward(rows), rtol=1e-3, atol=1e-3)


def broken(**changes):
    tensors = dict(transform_of(Method.SPLINE, bent_rows(100, 3), 0.3).tensors())
    return tensors | changes


@pytest.mark.parametrize(
    "tensors",
    [
        broken(slopes=-broken()["slopes"]),
        broken(slopes=torch.zeros_like(broken()["slopes"])),
        broken(knots_in=broken()["knots_in"].flip(0)),
        broken(knots_out=broken()["knots_out"].flip(0)),
        broken(knots_out=broken()["knots_out"][:-1]),
        broken(knots_in=broken()["knots_in"][:, 0]),
        {name: table[:2] for name, table in broken().items()},
    ],
    ids=["falling", "flat", "knots fall", "images fall", "too few", "one axis", "two knots"],
)
def test_tables_that_are_no_increasing_spline_are_refused(tensors):
    with pytest.raises(CodecFileError):
        KIND.restore(tensors, 3)


def test_bend_of_straight_lines_of_any_slope_is_zero():
    knots = torch.linspace(-1, 1, 5)[:, None].repeat(1, 2)
    slopes = torch.tensor([[3.0, 0.1]]).repeat(4, 1)
    assert Spline(knots, knots * slopes[0], slopes).bend() == pytest.approx(0, abs=1e-6)


def test_smoothness_costs_nothing_on_straight_lines_and_more_on_sharper_corners():
    rows = bent_rows(100, 3)
    costs = []
    for roughness in (0.0, 0.3, 0.9):
        learner = learner_of(Method.SPLINE, rows, roughness, curve=Curve.SMOOTH)
        costs.append(learner.regulariser(rows).item())
    assert costs[0] == pytest.approx(0, abs=1e-9)
    assert costs[0] < costs[1] < costs[2]
    assert learner_of(Method.SPLINE, rows, 0.3).regulariser(rows) is None


def test_smoothness_irons_out_corners():
    rows = bent_rows(400, 3)
    corners = {}
    for curve in (Curve.LINEAR, Curve.SMOOTH):
        learner = learner_of(Method.SPLINE, rows, 0.5, curve=curve)
        optimiser = torch.optim.Adam(learner.parameters(), lr=0.03)
        for _ in range(60):
            optimiser.zero_grad()
            z = learner.build().forward(rows)
            penalty = learner.regulariser(z)
            loss = (z - rows).square().mean() * 0.001
            (loss if penalty is None else loss + penalty).backward()
            optimiser.step()
        slopes = learner.build().slopes.detach()
        corners[curve] = float(slopes.log().diff(dim=0, n=2).square().mean())
    assert corners[Curve.SMOOTH] < corners[Curve.LINEAR]
