"""Every transform keeps the promises of `Transform`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec
from kvsplice_core.errors import CodecFileError
from kvsplice_core.methods import Method
from kvsplice_core.shapes import ScatterShape, SplineShape
from kvsplice_core.specs import Recipe
from tests.kvsplice_core.makers import bent_rows, learner_of, transform_of

ALL = list(Method)
LEARNT = [method for method in Method if method.is_learnt]
TOLERANCES = {torch.float32: 2e-5, torch.float64: 1e-12}


def assert_comes_back(transform, x):
    """Compare with the spread of `x`, and with the rounding of numbers as large as it."""
    back = transform.inverse(transform.forward(x))
    unit = max(1.0, float(x.abs().max()))
    assert float((back - x).abs().max()) <= TOLERANCES[x.dtype] * unit


@given(
    method=st.sampled_from(ALL),
    dtype=st.sampled_from(list(TOLERANCES)),
    dim=st.integers(2, 7),
    roughness=st.sampled_from([0.0, 0.1, 0.5]),
    offset=st.sampled_from([0.0, -3.0, 100.0]),
    scale=st.sampled_from([1e-2, 1.0, 30.0]),
    recipe=st.sampled_from(list(Recipe)),
    seed=st.integers(0, 99),
)
def test_the_inverse_is_exact(method, dtype, dim, roughness, offset, scale, recipe, seed):
    if method is Method.FLOW:
        roughness *= 0.1  # 128 wide layers add up what is added to their weights
        if recipe is Recipe.ORIGIN:
            offset, scale = 0.0, 1.0  # takes vectors as they are; meant for standardised ones
    rows = (bent_rows(64, dim, seed) * scale + offset).to(dtype)
    transform = transform_of(method, rows, roughness, recipe=recipe)
    assert_comes_back(transform, rows)


@given(method=st.sampled_from(ALL), shape=st.lists(st.integers(0, 4), max_size=3))
def test_any_leading_axes_are_kept(method, shape):
    rows = bent_rows(40, 5)
    transform = transform_of(method, rows, 0.3)
    x = torch.randn(*shape, 5, generator=torch.Generator().manual_seed(3))
    z = transform.forward(x)
    assert z.shape == x.shape
    assert transform.inverse(z).shape == x.shape
    assert torch.equal(z.reshape(-1, 5), transform.forward(x.reshape(-1, 5)))


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_the_start_is_the_identity(method, dtype):
    rows = bent_rows(200, 5).to(dtype)
    transform = transform_of(method, rows)
    far = torch.cat([rows, rows * 50 - 100])
    torch.testing.assert_close(
        transform.forward(far), far, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype]
    )
    assert transform.bend() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_the_dtype_is_kept(method, dtype):
    rows = bent_rows(50, 4).to(dtype)
    transform = transform_of(method, rows, 0.3)
    assert transform.forward(rows).dtype == dtype
    assert transform.inverse(rows).dtype == dtype
    assert transform.dim == 4


@pytest.mark.parametrize("method", LEARNT)
@pytest.mark.parametrize("way", ["forward", "inverse"])
def test_gradients_equal_finite_differences(method, way):
    rows = bent_rows(60, 3).double()
    learner = learner_of(method, rows, 0.3, knots=5)
    x = rows[:5].clone().requires_grad_()

    def function(u, *parameters):
        del parameters  # the learner reads the very same tensors
        return getattr(learner.build(), way)(u)

    parameters = tuple(learner.parameters())
    checked = (x, *(p for p in parameters if p.numel() <= 64))
    assert torch.autograd.gradcheck(function, checked, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("method", ALL)
def test_stored_tensors_restore_the_same_transform(method):
    rows = bent_rows(80, 5)
    transform = transform_of(method, rows, 0.4)
    restored = method.kind.restore(transform.tensors(), 5)
    assert torch.equal(restored.forward(rows), transform.forward(rows))
    assert torch.equal(restored.inverse(rows), transform.inverse(rows))


@pytest.mark.parametrize("method", LEARNT)
def test_a_missing_tensor_is_refused(method):
    tensors = dict(transform_of(method, bent_rows(80, 5), 0.4).tensors())
    for name in tensors:
        if name.endswith(".kept"):
            continue  # counts the couplings
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(CodecFileError):
            method.kind.restore(rest, 5)


@pytest.mark.parametrize("method", LEARNT)
def test_tensors_of_another_dimension_are_refused(method):
    tensors = transform_of(method, bent_rows(80, 5), 0.4).tensors()
    with pytest.raises(CodecFileError):
        method.kind.restore(tensors, 6)


@pytest.mark.parametrize("method", ALL)
def test_map_reaches_every_floating_tensor(method):
    rows = bent_rows(80, 4)
    doubled = transform_of(method, rows, 0.2).map(torch.Tensor.double)
    floating = [t for t in doubled.tensors().values() if t.is_floating_point()]
    assert all(tensor.dtype == torch.float64 for tensor in floating)
    assert doubled.forward(rows.double()).dtype == torch.float64


@pytest.mark.parametrize("method", LEARNT)
def test_a_learner_starts_where_an_earlier_transform_ended(method):
    rows = bent_rows(120, 4)
    earlier = transform_of(method, rows, 0.4)
    spec = CalibrationSpec(method=method)
    learner = method.kind.start(rows, spec, torch.Generator().manual_seed(0), earlier)
    torch.testing.assert_close(
        learner.build().forward(rows), earlier.forward(rows), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("method", LEARNT)
def test_a_learner_leaves_the_earlier_transform_alone(method):
    rows = bent_rows(120, 4)
    earlier = transform_of(method, rows, 0.4)
    before = {name: tensor.clone() for name, tensor in earlier.tensors().items()}
    spec = CalibrationSpec(method=method)
    learner = method.kind.start(rows, spec, torch.Generator().manual_seed(0), earlier)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], t) for name, t in earlier.tensors().items())


def test_each_kind_gives_what_its_plot_draws():
    rows = bent_rows(80, 4)
    assert transform_of(Method.PCA, rows).shape(rows) is None
    spline = transform_of(Method.SPLINE, rows, 0.2, knots=9).shape(rows)
    assert isinstance(spline, SplineShape)
    assert spline.knots_in.shape == (4, 9)
    assert spline.slopes.shape == (4, 8)
    flow = transform_of(Method.FLOW, rows, 0.2).shape(rows[:7])
    assert isinstance(flow, ScatterShape)
    assert flow.before.shape == flow.after.shape == (7, 4)


@pytest.mark.parametrize("method", LEARNT)
def test_a_bent_transform_says_so(method):
    assert transform_of(method, bent_rows(80, 4), 0.5).bend() > 0.01
