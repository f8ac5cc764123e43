"""A codec maps any leading axes to k numbers or their bytes and back, in the caller's dtype."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import Codec
from kvsplice_core.base.errors import DataError
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.projection import Unprojected
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.codec.transforms.identity import Identity
from kvsplice_core.fit.training import fit_transformed_pca
from tests.kvsplice_core.makers import bent_rows, corrected, quantized, transform_of

DIM = 5
ROWS = bent_rows(300, DIM)


def codec_of(method, k, roughness=0.1):
    transform = transform_of(method, ROWS, 0.1 * roughness if method is Method.FLOW else roughness)
    return Codec(
        transform, fit_transformed_pca(transform, ROWS).projection(k), Provenance(notes={"a": 1})
    )


@cache
def composed(method, k, decoder=Decoding.LINEAR, quantizer=None):
    codec = codec_of(method, k)
    if decoder is not Decoding.LINEAR:
        codec = corrected(codec, ROWS, decoder)
    return codec if quantizer is None else quantized(codec, ROWS, quantizer)


def rounded():
    """Return plain rounding of the vectors themselves."""
    codec = Codec(Identity(DIM), Unprojected(DIM), Provenance(notes={"a": 1}))
    return quantized(codec, ROWS, Quantization.ROUNDING)


a_codec = st.builds(
    composed,
    st.sampled_from([Method.PCA, Method.SPLINE]),
    st.integers(1, DIM - 1),
    st.sampled_from(list(Decoding)),
    st.sampled_from([None, *Quantization]),
)
a_quantized_codec = st.one_of(a_codec.filter(lambda codec: codec.quantizer), st.builds(rounded))
dtypes = st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64])


@given(codec=a_quantized_codec, shape=st.lists(st.integers(0, 3), max_size=3), dtype=dtypes)
def test_a_quantized_codec_gives_bytes_and_takes_them(codec, shape, dtype):
    x = torch.rand(*shape, DIM).to(dtype)
    stored = codec.encode(x)
    assert (stored.dtype, stored.shape) == (torch.uint8, (*shape, codec.stored_size))
    assert stored.nbytes == codec.quantizer.bytes_per_vector * stored[..., 0].numel()
    assert codec.decode(stored).dtype == torch.float32
    restored = codec.decode(stored, dtype)
    assert (restored.dtype, restored.shape) == (dtype, x.shape)
    assert torch.equal(codec.reconstruct(x), restored)


@given(codec=a_codec)
def test_the_way_back_is_that_of_its_parts(codec):
    latent = codec.latent(ROWS)
    if codec.quantizer is not None:
        latent = codec.quantizer.unpack(codec.quantizer.pack(latent))
    z = codec.projection.decode(latent)
    if codec.correction is not None:
        z = z + codec.correction.apply(latent)
    assert torch.equal(codec.reconstruct(ROWS), codec.transform.inverse(z))


@given(codec=a_codec)
def test_all_it_holds_is_named_and_moved(codec):
    seen = []
    moved = codec.map(lambda tensor: seen.append(tensor) or tensor.clone())
    held, copied = codec.tensors(), moved.tensors()
    assert {id(tensor) for tensor in held.values()} <= {id(tensor) for tensor in seen}
    assert copied.keys() == held.keys()
    assert not {id(tensor) for tensor in copied.values()} & {id(t) for t in held.values()}
    assert torch.equal(moved.encode(ROWS), codec.encode(ROWS))
    assert torch.equal(moved.reconstruct(ROWS), codec.reconstruct(ROWS))


@given(codec=a_codec)
def test_plain_is_what_it_is_without_quantizer_and_correction(codec):
    plain = codec.plain()
    assert plain.is_plain
    assert codec.is_plain == (codec.quantizer is None and codec.correction is None)
    assert torch.equal(plain.encode(ROWS), codec.latent(ROWS))
    assert {name.split(".")[0] for name in plain.tensors()} <= {"transform", "projection"}


@pytest.mark.parametrize("method", [Method.PCA, Method.SPLINE])
@pytest.mark.parametrize("decoder", [one for one in Decoding if one is not Decoding.LINEAR])
def test_what_a_decoder_adds_falls_behind_the_transform_and_helps_there(method, decoder):
    codec = composed(method, 2, decoder)
    z = codec.transform.forward(ROWS)
    missed = z - codec.projection.decode(codec.latent(ROWS))
    left = missed - codec.correction.apply(codec.latent(ROWS))
    assert float(left.square().mean()) < 0.9 * float(missed.square().mean())


@given(codec=a_quantized_codec)
def test_what_are_no_bytes_of_its_own_is_refused(codec):
    size = codec.stored_size
    for stored in (torch.zeros(3, size), torch.zeros(3, size + 1, dtype=torch.uint8)):
        with pytest.raises(DataError, match=f"must be uint8 with a last axis of {size}; got"):
            codec.decode(stored)


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
    assert moved.provenance == codec.provenance
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
