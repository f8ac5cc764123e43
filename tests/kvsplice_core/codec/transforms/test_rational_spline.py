"""A rational-quadratic spline has no corners, and its parts have their inverses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import Curve, Method
from kvsplice_core.codec.transforms.rational import rise, run
from kvsplice_core.codec.transforms.rational_spline import RationalSpline
from kvsplice_core.codec.transforms.spline_kind import KIND
from tests.kvsplice_core import makers
from tests.kvsplice_core.makers import bent_rows


def rational(rows, roughness=0.5, **options):
    options |= {"curve": Curve.RATIONAL_QUADRATIC}
    return makers.transform_of(Method.SPLINE, rows, roughness, **options)


@given(left=st.floats(-4, 4), right=st.floats(-4, 4))
def test_a_segment_and_its_inverse_undo_each_other(left, right):
    p, q = (torch.tensor(10.0**power, dtype=torch.float64) for power in (left, right))
    share = torch.linspace(0, 1, 101, dtype=torch.float64)
    risen = rise(share, p, q)
    assert bool((risen.diff() > 0).all())
    assert risen[0] == 0
    assert float(risen[-1]) == pytest.approx(1)
    torch.testing.assert_close(rise(run(share, p, q), p, q), share, rtol=1e-7, atol=1e-7)


@given(left=st.floats(-2, 2), right=st.floats(-2, 2))
def test_a_segment_is_stable_in_single_precision(left, right):
    p, q = torch.tensor(10.0**left), torch.tensor(10.0**right)
    share = torch.linspace(0, 1, 101)
    # Where the curve is nearly flat, rounding of its value is worth that much more.
    rounding = 5e-7 * 10 ** max(abs(left), abs(right))
    back = run(rise(share, p, q), p, q)
    torch.testing.assert_close(back, share, rtol=0, atol=rounding)


@given(roughness=st.sampled_from([0.0, 0.5, 2.0]), seed=st.integers(0, 99), tied=st.booleans())
def test_both_sides_of_a_knot_have_its_derivative(roughness, seed, tied):
    rows = bent_rows(100, 3, seed).double()
    if tied:
        rows = rows.clone()
        rows[:40] = rows[40]
    spline = rational(rows, roughness, knots=8)
    # The ends of the range and every knot between: a step far under the nearest other knot.
    widths = spline.knots_in.diff(dim=0)
    step = 1e-6 * widths[widths > 0].min()
    at = spline.forward(spline.knots_in)
    before = (at - spline.forward(spline.knots_in - step)) / step
    after = (spline.forward(spline.knots_in + step) - at) / step
    torch.testing.assert_close(before, spline.derivatives, rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(after, spline.derivatives, rtol=1e-2, atol=1e-4)


@given(roughness=st.sampled_from([0.0, 0.5, 2.0]), seed=st.integers(0, 99))
def test_knots_meet_knots(roughness, seed):
    spline = rational(bent_rows(100, 3, seed).double(), roughness)
    torch.testing.assert_close(spline.forward(spline.knots_in), spline.knots_out)
    torch.testing.assert_close(spline.inverse(spline.knots_out), spline.knots_in)


@pytest.mark.parametrize("knots", [3, 5, 16])
def test_a_drawn_shape_knows_its_knots(knots):
    rows = bent_rows(100, 3)
    linear = makers.transform_of(Method.SPLINE, rows, 0.3, knots=knots)
    spec = makers.CalibrationSpec(curve=Curve.RATIONAL_QUADRATIC, knots=knots)
    spline = KIND.start(rows, spec.transform, torch.Generator(), linear).build()
    shape = spline.map(torch.Tensor.detach).shape(rows)
    assert shape.knots == knots < shape.knots_in.shape[1]
    for drawn, table in ((shape.knots_in, spline.knots_in), (shape.knots_out, spline.knots_out)):
        found = torch.from_numpy(drawn[:, shape.at_knots])
        torch.testing.assert_close(found, table.detach().T, rtol=1e-5, atol=1e-5)


def test_derivatives_equal_to_all_slopes_give_straight_lines():
    knots = torch.linspace(-1, 1, 5)[:, None].repeat(1, 2)
    slope = torch.tensor([3.0, 0.1])
    spline = RationalSpline(knots, knots * slope, slope.expand(4, 2), slope.expand(5, 2))
    x = torch.linspace(-3, 3, 50)[:, None].expand(50, 2)
    torch.testing.assert_close(spline.forward(x), x * slope)
    assert spline.bend() == pytest.approx(0, abs=1e-5)


def test_a_rational_learner_takes_up_a_piecewise_linear_spline():
    rows = bent_rows(300, 3).double()
    linear = makers.transform_of(Method.SPLINE, rows, 0.3)
    spec = makers.CalibrationSpec(curve=Curve.RATIONAL_QUADRATIC)
    built = KIND.start(rows, spec.transform, torch.Generator(), linear).build()
    torch.testing.assert_close(built.knots_out, linear.knots_out, rtol=1e-6, atol=1e-6)
    spread = linear.knots_out[-1] - linear.knots_out[0]
    assert bool(((built.forward(rows) - linear.forward(rows)).abs() <= 0.05 * spread).all())


@pytest.mark.parametrize("change", [lambda t: -t, lambda t: t[:-1], lambda t: t * 0])
def test_derivatives_that_do_not_fit_are_refused(change):
    tensors = dict(rational(bent_rows(80, 3)).tensors())
    tensors["derivatives"] = change(tensors["derivatives"])
    with pytest.raises(CodecFileError, match="derivatives"):
        KIND.restore(tensors, 3)
