"""Every transform keeps the promises of `Transform`."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec
from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.codec.registry import load
from kvsplice_core.codec.shapes import ScatterShape, SplineShape
from kvsplice_core.codec.transforms.chained import Chained
from tests.kvsplice_core import makers
from tests.kvsplice_core.makers import bent_rows

# Every kind once: its method and what tells it from the method's other kinds.
KINDS = {
    "pca": (Method.PCA, {}),
    "linear": (Method.SPLINE, {}),
    "linear uniform": (Method.SPLINE, {"knot_placement": KnotPlacement.UNIFORM}),
    "linear learnt": (Method.SPLINE, {"knot_placement": KnotPlacement.LEARNT}),
    "smooth": (Method.SPLINE, {"curve": Curve.SMOOTH}),
    "rational": (Method.SPLINE, {"curve": Curve.RATIONAL_QUADRATIC}),
    "rational learnt": (
        Method.SPLINE,
        {"curve": Curve.RATIONAL_QUADRATIC, "knot_placement": KnotPlacement.LEARNT},
    ),
    "flow": (Method.FLOW, {}),
    "flow of splines": (Method.FLOW, {"coupling": CouplingKind.RATIONAL_QUADRATIC}),
    "linear behind pca": (Method.SPLINE, {"axes": Axes.PCA}),
    "rational behind whitened": (
        Method.SPLINE,
        {"curve": Curve.RATIONAL_QUADRATIC, "axes": Axes.WHITENED},
    ),
    "flow behind pca": (Method.FLOW, {"axes": Axes.PCA}),
}
ALL = list(KINDS)
LEARNT = [kind for kind in KINDS if kind != "pca"]
# The ones that treat every dimension by itself, in the raw axes.
SPLINES = [
    kind for kind, (method, own) in KINDS.items() if method is Method.SPLINE and "axes" not in own
]
TOLERANCES = {torch.float32: 2e-5, torch.float64: 1e-12}


def transform_of(kind, rows, roughness=0.0, **options):
    method, own = KINDS[kind]
    return makers.transform_of(method, rows, roughness, **own, **options)


def learner_of(kind, rows, roughness=0.0, **options):
    method, own = KINDS[kind]
    return makers.learner_of(method, rows, roughness, **own, **options)


def restore(kind, tensors, dim):
    return load(KINDS[kind][0]).restore(tensors, dim)


def learner_from(kind, rows, earlier):
    method, own = KINDS[kind]
    spec = CalibrationSpec(method=method, **own)
    return load(method).start(rows, spec.transform, torch.Generator().manual_seed(0), earlier)


def assert_comes_back(transform, x):
    """Compare with the spread of `x`, and with the rounding of numbers as large as it."""
    back = transform.inverse(transform.forward(x))
    unit = max(1.0, float(x.abs().max()))
    assert float((back - x).abs().max()) <= TOLERANCES[x.dtype] * unit


@given(
    kind=st.sampled_from(ALL),
    dtype=st.sampled_from(list(TOLERANCES)),
    dim=st.integers(2, 7),
    roughness=st.sampled_from([0.0, 0.1, 0.5]),
    offset=st.sampled_from([0.0, -3.0, 100.0]),
    scale=st.sampled_from([1e-2, 1.0, 30.0]),
    recipe=st.sampled_from(list(Recipe)),
    seed=st.integers(0, 99),
)
def test_the_inverse_is_exact(kind, dtype, dim, roughness, offset, scale, recipe, seed):
    if kind.startswith("flow"):
        roughness *= 0.1  # 128 wide layers add up what is added to their weights
        if recipe is Recipe.ORIGIN:
            offset, scale = 0.0, 1.0  # takes vectors as they are; meant for standardised ones
    rows = (bent_rows(64, dim, seed) * scale + offset).to(dtype)
    transform = transform_of(kind, rows, roughness, recipe=recipe)
    assert_comes_back(transform, rows)


@given(kind=st.sampled_from(ALL), shape=st.lists(st.integers(0, 4), max_size=3))
def test_any_leading_axes_are_kept(kind, shape):
    rows = bent_rows(40, 5)
    transform = transform_of(kind, rows, 0.3)
    x = torch.randn(*shape, 5, generator=torch.Generator().manual_seed(3))
    z = transform.forward(x)
    assert z.shape == x.shape
    assert transform.inverse(z).shape == x.shape
    assert torch.equal(z.reshape(-1, 5), transform.forward(x.reshape(-1, 5)))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_the_start_is_the_identity_in_its_axes(kind, dtype):
    rows = bent_rows(200, 5).to(dtype)
    transform = transform_of(kind, rows)
    far = torch.cat([rows, rows * 50 - 100])
    expected = transform.axes.forward(far) if isinstance(transform, Chained) else far
    torch.testing.assert_close(
        transform.forward(far), expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype]
    )
    assert transform.bend() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_the_dtype_is_kept(kind, dtype):
    rows = bent_rows(50, 4).to(dtype)
    transform = transform_of(kind, rows, 0.3)
    assert transform.forward(rows).dtype == dtype
    assert transform.inverse(rows).dtype == dtype
    assert transform.dim == 4


@pytest.mark.parametrize("kind", LEARNT)
@pytest.mark.parametrize("way", ["forward", "inverse"])
def test_gradients_equal_finite_differences(kind, way):
    rows = bent_rows(60, 3).double()
    # The network tells a spline coupling 23 numbers; rougher, its bends are narrower than eps.
    learner = learner_of(kind, rows, 0.03 if kind == "flow of splines" else 0.3, knots=5)
    x = rows[:5].clone().requires_grad_()

    def function(u, *parameters):
        del parameters  # the learner reads the very same tensors
        return getattr(learner.build(), way)(u)

    parameters = tuple(learner.parameters())
    checked = (x, *(p for p in parameters if p.numel() <= 64))
    assert torch.autograd.gradcheck(function, checked, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("kind", ALL)
def test_stored_tensors_restore_the_same_transform(kind):
    rows = bent_rows(80, 5)
    transform = transform_of(kind, rows, 0.4)
    restored = restore(kind, transform.tensors(), 5)
    assert torch.equal(restored.forward(rows), transform.forward(rows))
    assert torch.equal(restored.inverse(rows), transform.inverse(rows))


@pytest.mark.parametrize("kind", LEARNT)
def test_a_missing_tensor_is_refused(kind):
    tensors = dict(transform_of(kind, bent_rows(80, 5), 0.4).tensors())
    for name in tensors:
        if name.endswith(".kept"):
            continue  # counts the couplings
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(CodecFileError):
            restore(kind, rest, 5)


@pytest.mark.parametrize("kind", LEARNT)
def test_tensors_of_another_dimension_are_refused(kind):
    tensors = transform_of(kind, bent_rows(80, 5), 0.4).tensors()
    with pytest.raises(CodecFileError):
        restore(kind, tensors, 6)


@pytest.mark.parametrize("kind", ALL)
def test_map_reaches_every_floating_tensor(kind):
    rows = bent_rows(80, 4)
    doubled = transform_of(kind, rows, 0.2).map(torch.Tensor.double)
    floating = [t for t in doubled.tensors().values() if t.is_floating_point()]
    assert all(tensor.dtype == torch.float64 for tensor in floating)
    assert doubled.forward(rows.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", LEARNT)
def test_a_learner_starts_where_an_earlier_transform_ended(kind):
    rows = bent_rows(120, 4)
    earlier = transform_of(kind, rows, 0.4)
    learner = learner_from(kind, rows, earlier)
    torch.testing.assert_close(
        learner.build().forward(rows), earlier.forward(rows), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("kind", LEARNT)
def test_a_learner_leaves_the_earlier_transform_alone(kind):
    rows = bent_rows(120, 4)
    earlier = transform_of(kind, rows, 0.4)
    before = {name: tensor.clone() for name, tensor in earlier.tensors().items()}
    learner = learner_from(kind, rows, earlier)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], t) for name, t in earlier.tensors().items())


def test_each_kind_gives_what_its_plot_draws():
    rows = bent_rows(80, 4)
    assert transform_of("pca", rows).shape(rows) is None
    spline = transform_of("linear", rows, 0.2, knots=9).shape(rows)
    assert isinstance(spline, SplineShape)
    assert spline.knots_in.shape == (4, 9)
    assert spline.slopes.shape == (4, 8)
    rational = transform_of("rational", rows, 0.2, knots=9).shape(rows)
    assert isinstance(rational, SplineShape)
    assert bool((np.diff(rational.knots_in, axis=1) >= 0).all())
    flow = transform_of("flow", rows, 0.2).shape(rows[:7])
    assert isinstance(flow, ScatterShape)
    assert flow.before.shape == flow.after.shape == (7, 4)


@pytest.mark.parametrize("kind", LEARNT)
def test_a_bent_transform_says_so(kind):
    assert transform_of(kind, bent_rows(80, 4), 0.5).bend() > 0.01


@given(
    kind=st.sampled_from(SPLINES),
    knots=st.integers(3, 20),
    roughness=st.sampled_from([0.0, 0.5, 2.0]),
    seed=st.integers(0, 99),
)
def test_every_dimension_of_a_spline_increases_strictly(kind, knots, roughness, seed):
    rows = bent_rows(100, 3, seed).double()
    spline = transform_of(kind, rows, roughness, knots=knots)
    low, high = rows.min(0).values, rows.max(0).values
    steps = torch.linspace(-1, 2, 400, dtype=torch.float64)[:, None]
    z = spline.forward(low + steps * (high - low))
    assert bool((z[1:] > z[:-1]).all())


@given(
    kind=st.sampled_from(SPLINES),
    n_values=st.integers(1, 4),
    knots=st.integers(3, 16),
    roughness=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_heavy_ties_come_back_through_a_spline(kind, n_values, knots, roughness, seed):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(n_values, (100, 3), generator=generator).double()
    learner = learner_of(kind, rows, roughness, knots=knots)
    spline = learner.build()
    z = spline.forward(rows)
    torch.testing.assert_close(spline.inverse(z), rows, rtol=1e-9, atol=1e-9)
    (spline.inverse(z * 1.1) - rows).square().mean().backward()
    assert all(bool(p.grad.isfinite().all()) for p in learner.parameters())


@pytest.mark.parametrize("kind", SPLINES)
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_the_ends_of_a_spline_go_on_straight(kind, dtype):
    rows = bent_rows(100, 3).to(dtype)
    spline = transform_of(kind, rows, 0.5)
    steps = torch.tensor([1.0, 2.0, 501.0], dtype=dtype)[:, None]
    for end in (rows.amin(0) - steps, rows.amax(0) + steps):
        z = spline.forward(end)
        torch.testing.assert_close(z[2] - z[0], 500 * (z[1] - z[0]), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(spline.inverse(z), end, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", SPLINES)
def test_the_drawing_of_a_spline_follows_it(kind):
    rows = bent_rows(200, 3)
    spline = transform_of(kind, rows, 0.5)
    drawn = spline.shape(rows)
    for j in range(3):
        z = np.interp(rows[:, j], drawn.knots_in[j], drawn.knots_out[j])
        spread = float(np.ptp(drawn.knots_out[j]))
        assert np.abs(z - spline.forward(rows)[:, j].numpy()).max() <= 0.01 * spread
