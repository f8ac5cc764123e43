"""The codecs of a layer do, head by head, what each of them does."""

from __future__ import annotations

import pytest
import torch

from kvsplice_core.card import exact_codec
from kvsplice_core.codec import Codec
from kvsplice_core.errors import SpecError
from kvsplice_core.heads import HeadCodecs
from kvsplice_core.methods import Method
from kvsplice_core.pca import fit_pca
from tests.kvsplice_core.makers import bent_rows, per_head, pooled, transform_of

DIM, HEADS = 6, 3


def codec(method: Method, k: int, seed: int = 0, knots: int = 8) -> Codec:
    rows = bent_rows(200, DIM, seed) + seed
    options = {"knots": knots} if method is Method.SPLINE else {}
    transform = transform_of(method, rows, 0.2, **options)
    return Codec(method, transform, fit_pca(transform.forward(rows)).projection(k))


LAYERS = {
    **{method.key: lambda m=method: per_head([codec(m, 3, i) for i in range(HEADS)])
       for method in Method},
    **{f"pooled {method.key}": lambda m=method: pooled(codec(m, 3), HEADS) for method in Method},
    "unlike k": lambda: per_head([codec(Method.SPLINE, k, k) for k in (1, 4, 6)]),
    "unlike methods": lambda: per_head([codec(m, 3, i) for i, m in enumerate(Method)]),
    "unlike knots": lambda: per_head([codec(Method.SPLINE, 3, i, 6 + i) for i in range(HEADS)]),
    "exact": lambda: per_head([exact_codec(DIM)] * HEADS),
}  # fmt: skip


@pytest.fixture(params=LAYERS)
def layer(request) -> HeadCodecs:
    return LAYERS[request.param]()


def vectors(batch: int = 2, tokens: int = 5) -> torch.Tensor:
    """Return (batch, heads, tokens, d) as a model gives it: a transposed view."""
    rows = bent_rows(batch * tokens * HEADS, DIM, seed=9)
    return rows.view(batch, tokens, HEADS, DIM).transpose(1, 2)


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 7), (2, 5), (3, 1)])
def test_each_head_equals_its_codec(layer, batch, tokens):
    x = vectors(batch, tokens)
    restored = layer.reconstruct(x)
    assert restored.shape == x.shape
    for head in range(HEADS):
        expected = layer.of(head).reconstruct(x[:, head])
        torch.testing.assert_close(restored[:, head], expected, rtol=1e-3, atol=1e-3)


def test_more_tokens_than_fit_a_piece(monkeypatch):
    monkeypatch.setattr("kvsplice_core.head_tables._NUMBERS_AT_ONCE", 40)
    layer = LAYERS["spline"]()
    x = vectors(2, 23)
    expected = torch.stack([layer.of(h).reconstruct(x[:, h]) for h in range(HEADS)], dim=1)
    torch.testing.assert_close(layer.reconstruct(x), expected, rtol=1e-4, atol=1e-4)


def test_latents_keep_the_token_axis_and_the_dtype(layer):
    x = vectors().bfloat16()
    latent = layer.encode(x)
    assert (latent.shape[0], latent.shape[-2], latent.dtype) == (2, 5, torch.bfloat16)
    assert latent[0, :, 0].nbytes == layer.bytes_per_token(2) == 2 * sum(layer.ks)
    assert layer.decode(latent).dtype == torch.bfloat16


def test_tokens_are_independent(layer):
    x = vectors(2, 8)
    latent = layer.encode(x)
    one_by_one = torch.cat([layer.encode(x[:, :, i : i + 1]) for i in range(8)], dim=2)
    torch.testing.assert_close(one_by_one, latent, rtol=1e-4, atol=1e-3)
    some = layer.decode(latent)[:, :, 3:5]
    torch.testing.assert_close(layer.decode(latent[:, :, 3:5]), some, rtol=1e-4, atol=1e-3)


def test_packing_changes_no_number(layer):
    packed, x = layer.packed("cpu"), vectors()
    assert torch.equal(packed.encode(x), layer.encode(x))
    # A decoder that is a view of its encoder is multiplied by in another order.
    torch.testing.assert_close(packed.reconstruct(x), layer.reconstruct(x), rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(packed.codecs, layer.codecs, strict=True):
        found, expected = ours.tensors(), theirs.tensors()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


def test_packing_holds_each_number_once():
    pca = LAYERS["pca"]()
    assert pca.packed("cpu").nbytes() == HEADS * (DIM * 3 + DIM) * 4
    spline = LAYERS["spline"]().packed("cpu")
    assert spline.nbytes() == HEADS * (DIM * 3 + DIM + DIM * (3 * 8 - 1)) * 4
    before = spline.nbytes()
    spline.reconstruct(vectors())
    assert spline.nbytes() == before


def test_an_untied_decoder_is_held_beside_its_encoder():
    one = codec(Method.PCA, 2)
    tied = one.projection
    untied = type(tied)(tied.encoder, 2 * tied.decoder, tied.offset_in, tied.offset_out + 1)
    layer = per_head([Codec(Method.PCA, one.transform, untied)] * HEADS).packed("cpu")
    assert layer.nbytes() == HEADS * (2 * DIM * 2 + 2 * DIM) * 4
    x = vectors()
    expected = layer.of(1).reconstruct(x[:, 1])
    torch.testing.assert_close(layer.reconstruct(x)[:, 1], expected)


def test_what_a_layer_says_of_itself():
    layer = LAYERS["unlike k"]()
    assert (layer.ks, layer.dim, layer.bytes_per_token(4)) == ((1, 4, 6), DIM, 4 * 11)
    assert not layer.is_uniform
    assert not layer.is_linear
    assert LAYERS["pooled pca"]().ks == (3, 3, 3)
    assert LAYERS["pca"]().is_linear


@pytest.mark.parametrize("count", [0, 2, 4])
def test_the_number_of_codecs_must_fit(count):
    with pytest.raises(SpecError, match=f"3 heads needs 3 codecs, or one for all; got {count}"):
        HeadCodecs((codec(Method.PCA, 2),) * count, HEADS)


def test_the_dimensions_must_agree():
    with pytest.raises(SpecError, match=r"one dimension; got \[4, 6\]"):
        per_head([exact_codec(6), exact_codec(4), exact_codec(6)])
