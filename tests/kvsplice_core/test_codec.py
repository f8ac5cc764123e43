"""A codec maps any leading axes to k numbers and back, in the caller's dtype."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import Codec
from kvsplice_core.errors import DataError
from kvsplice_core.methods import Method
from kvsplice_core.training import fit_transformed_pca
from tests.kvsplice_core.makers import bent_rows, transform_of

DIM = 5
ROWS = bent_rows(300, DIM)


def codec_of(method, k, roughness=0.1):
    transform = transform_of(method, ROWS, 0.1 * roughness if method is Method.FLOW else roughness)
    return Codec(method, transform, fit_transformed_pca(transform, ROWS).projection(k), {"a": 1})


@given(
    method=st.sampled_from(list(Method)),
    k=st.integers(1, DIM),
    shape=st.lists(st.integers(0, 3), max_size=3),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
)
def test_shapes_and_dtypes_of_the_caller_are_kept(method, k, shape, dtype):
    codec = codec_of(method, k)
    x = torch.rand(*shape, DIM).to(dtype)
    latent = codec.encode(x)
    assert latent.shape == (*shape, k)
    assert codec.decode(latent).shape == x.shape
    assert latent.dtype == codec.decode(latent).dtype == dtype
    assert (codec.dim, codec.k, codec.device.type) == (DIM, k, "cpu")


@pytest.mark.parametrize("method", list(Method))
def test_all_dimensions_kept_is_lossless(method):
    codec = codec_of(method, DIM)
    torch.testing.assert_close(codec.reconstruct(ROWS), ROWS, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", list(Method))
def test_more_axes_miss_less_of_what_pca_saw(method):
    def missed(k):
        codec = codec_of(method, k)
        z = codec.transform.forward(ROWS)
        return float((codec.projection.decode(codec.projection.encode(z)) - z).square().mean())

    errors = [missed(k) for k in range(1, DIM + 1)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("method", list(Method))
def test_nothing_it_gives_carries_a_gradient(method):
    x = ROWS[:4].clone().requires_grad_()
    codec = codec_of(method, 2)
    assert not codec.encode(x).requires_grad
    assert not codec.reconstruct(x).requires_grad


@pytest.mark.parametrize(
    ("x", "came"),
    [
        (torch.zeros(3, DIM + 1), r"\(3, 6\)"),
        (torch.zeros(()), r"\(\)"),
        (torch.zeros(3, DIM, dtype=torch.int64), "int64"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(x, came):
    with pytest.raises(DataError, match=f"vectors to encode must .*{came}"):
        codec_of(Method.SPLINE, 2).encode(x)


def test_latents_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="latents to decode must have a last axis of 2"):
        codec_of(Method.SPLINE, 2).decode(torch.zeros(3, 3))


@pytest.mark.parametrize("method", list(Method))
def test_moving_keeps_what_it_does_and_where_it_comes_from(method):
    codec = codec_of(method, 2)
    moved = codec.to("cpu")
    assert moved.info == codec.info
    assert moved.method is method
    assert torch.equal(moved.reconstruct(ROWS), codec.reconstruct(ROWS))


@pytest.mark.gpu
@pytest.mark.parametrize("method", list(Method))
def test_a_gpu_gives_what_the_cpu_gives(method):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    codec = codec_of(method, 3)
    moved = codec.to("cuda")
    assert moved.device.type == "cuda"
    found = moved.reconstruct(ROWS.cuda()).cpu()
    torch.testing.assert_close(found, codec.reconstruct(ROWS), rtol=1e-3, atol=1e-3)
