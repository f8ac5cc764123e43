"""The codecs of a layer do, head by head, what each of them does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.codec.card import exact_codec
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.pca import fit_pca
from tests.kvsplice_core.makers import (
    bent_rows,
    corrected,
    per_head,
    pooled,
    quantized,
    transform_of,
)

DIM, HEADS = 6, 3


def codec(method: Method, k: int, seed: int = 0, knots: int = 8) -> Codec:
    rows = bent_rows(200, DIM, seed) + seed
    options = {"knots": knots} if method is Method.SPLINE else {}
    transform = transform_of(method, rows, 0.2, **options)
    return Codec(transform, fit_pca(transform.forward(rows)).projection(k))


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
    monkeypatch.setattr("kvsplice_core.codec.head_tables._NUMBERS_AT_ONCE", 40)
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
    layer = per_head([Codec(one.transform, untied)] * HEADS).packed("cpu")
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


FOUR = 4
"""Heads of the layers below, which are joined by 1, 2 or 4."""


def composed(span: int, kind: Quantization | None, decoder: Decoding | None = None) -> Codec:
    """Return a codec of `span` heads joined, of all its dimensions if it is quantized."""
    rows = bent_rows(300, span * DIM)
    k = 5 if kind is None else span * DIM
    made = Codec(transform_of(Method.PCA, rows), fit_pca(rows).projection(k))
    if decoder is not None:
        made = corrected(made, rows, decoder)
    return made if kind is None else quantized(made, rows, kind)


def scaled(one: Codec, factor: float) -> Codec:
    """Return a copy of the codec with another offset, so that groups are unlike."""
    shifted = replace(one.projection, offset_in=one.projection.offset_in * factor)
    shifted = replace(shifted, offset_out=shifted.offset_in)
    return replace(one, projection=shifted).map(torch.clone)


def grouped(one: Codec, span: int) -> HeadCodecs:
    codecs = tuple(scaled(one, 1 + group / 8) for group in range(FOUR // span))
    return HeadCodecs(codecs, FOUR, span)


COMPOSED = {
    **{f"each {kind.key}": lambda q=kind: grouped(composed(1, q), 1) for kind in Quantization},
    **{f"joined {kind.key}": lambda q=kind: grouped(composed(4, q), 4) for kind in Quantization},
    "pooled": lambda: pooled(composed(1, Quantization.LLOYD_MAX), FOUR),
    "pooled blocks": lambda: HeadCodecs((composed(2, Quantization.INT4),), FOUR, 2),
    "blocks": lambda: grouped(composed(2, Quantization.COMPANDED), 2),
    "joined": lambda: grouped(composed(4, None), 4),
    "blocks of numbers": lambda: grouped(composed(2, None), 2),
    "quadratic": lambda: grouped(composed(1, None, Decoding.QUADRATIC), 1),
    "quadratic blocks": lambda: grouped(composed(2, Quantization.LLOYD_MAX, Decoding.QUADRATIC), 2),
    "unlike quantizers": lambda: per_head(
        [composed(1, kind) for kind in (Quantization.LLOYD_MAX, Quantization.INT4,
                                        Quantization.FP16, Quantization.ROUNDING)]
    ),
    "numbers beside bytes": lambda: per_head(
        [composed(1, Quantization.INT4), exact_codec(DIM), composed(1, Quantization.LLOYD_MAX),
         composed(1, None)]
    ),
    "numbers beside joined bytes": lambda: HeadCodecs(
        (composed(2, Quantization.LLOYD_MAX), exact_codec(2 * DIM)), FOUR, 2
    ),
}  # fmt: skip
every_layer = pytest.mark.parametrize("name", COMPOSED)


def many(batch: int, tokens: int) -> torch.Tensor:
    """Return (batch, heads, tokens, d) of four heads, a transposed view."""
    rows = bent_rows(batch * tokens * FOUR, DIM, seed=9)
    return rows.view(batch, tokens, FOUR, DIM).transpose(1, 2)


@pytest.mark.grid
@every_layer
@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 7), (2, 5), (3, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_group_equals_the_codec_of_its_heads_side_by_side(name, batch, tokens, dtype):
    layer, x = COMPOSED[name](), many(batch, tokens).to(dtype)
    restored = layer.reconstruct(x)
    assert (restored.shape, restored.dtype) == (x.shape, dtype)
    close = {"rtol": 1e-4, "atol": 1e-4} if dtype is torch.float32 else {"rtol": 0.05, "atol": 0.05}
    for group in range(layer.groups):
        heads = range(group * layer.span, (group + 1) * layer.span)
        side_by_side = torch.cat([x[:, head] for head in heads], dim=-1)
        expected = layer.of(group).reconstruct(side_by_side)
        found = torch.cat([restored[:, head] for head in heads], dim=-1)
        torch.testing.assert_close(found, expected, **close)


@every_layer
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_is_kept_is_what_is_counted_token_by_token(name, dtype):
    layer, x = COMPOSED[name](), many(2, 6).to(dtype)
    kept = layer.encode(x)
    assert (kept.shape[0], kept.shape[-2]) == (2, 6)
    assert kept[1, :, 3].nbytes == layer.bytes_per_token(dtype.itemsize)
    quantized_too = any(one.quantizer is not None for one in layer.codecs)
    assert kept.dtype == (torch.uint8 if quantized_too else dtype)
    by_codec = [layer.of(group) for group in range(layer.groups)]
    numbers = sum(one.k for one in by_codec if one.quantizer is None)
    size = sum(one.stored_size for one in by_codec if one.quantizer is not None)
    assert kept[1, :, 3].nbytes == numbers * dtype.itemsize + size


@every_layer
def test_tokens_can_be_kept_cut_off_and_put_behind_each_other(name):
    layer, x = COMPOSED[name](), many(3, 8)
    kept, whole = layer.encode(x), layer.reconstruct(x)
    one_by_one = torch.cat([layer.encode(x[:, :, i : i + 1]) for i in range(8)], dim=-2)
    close = {"rtol": 1e-3, "atol": 1e-3}
    torch.testing.assert_close(layer.decode(one_by_one, x.dtype), whole, **close)
    torch.testing.assert_close(layer.decode(kept[..., 2:5, :], x.dtype), whole[:, :, 2:5], **close)
    for token in range(8):
        found = layer.decode(kept[..., token : token + 1, :][1:2], x.dtype)
        torch.testing.assert_close(found, whole[1:2, :, token : token + 1], **close)
    torch.testing.assert_close(layer.decode(kept[[2, 0]], x.dtype), whole[[2, 0]], **close)


@every_layer
def test_decoding_gives_the_dtype_that_is_wished(name):
    layer = COMPOSED[name]()
    kept = layer.encode(many(2, 3))
    assert layer.decode(kept).dtype == torch.float32
    if not name.startswith("numbers beside"):
        assert layer.decode(kept, torch.bfloat16).dtype == torch.bfloat16


@every_layer
def test_packing_changes_no_byte_and_holds_each_number_once(name):
    layer, x = COMPOSED[name](), many(2, 5)
    packed = layer.packed("cpu")
    assert torch.equal(packed.encode(x), layer.encode(x))
    torch.testing.assert_close(packed.reconstruct(x), layer.reconstruct(x), rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(packed.codecs, layer.codecs, strict=True):
        found, expected = ours.tensors(), theirs.tensors()
        assert all(torch.equal(found[part], expected[part]) for part in expected)
    # PCA: its axes once for both ways, and its mean.
    again = [one.projection.decoder.nbytes + one.projection.offset_out.nbytes
             for one in layer.codecs]  # fmt: skip
    named = sum(tensor.nbytes for one in layer.codecs for tensor in one.tensors().values())
    derived = {id(tensor): tensor.nbytes for one in packed.codecs
               for tensor in one.held()[len(one.tensors()) :]}  # fmt: skip
    assert packed.nbytes() == named - sum(again) + sum(derived.values())


def test_only_single_heads_with_linear_decoders_are_linear():
    plain = {name for name in COMPOSED if COMPOSED[name]().is_plain}
    assert plain == {"joined", "blocks of numbers"}
    assert not any(COMPOSED[name]().is_linear for name in COMPOSED)


@pytest.mark.parametrize("name", ["blocks", "numbers beside bytes", "quadratic", "pooled"])
def test_what_a_layer_did_not_give_is_refused(name):
    layer = COMPOSED[name]()
    kept = layer.encode(many(2, 3))
    with pytest.raises(DataError, match="last axis of"):
        layer.decode(kept[..., :-1], torch.float32)


@pytest.mark.parametrize(("span", "says"), [(3, "4 heads cannot be joined by 3"), (0, "by 0")])
def test_heads_are_joined_without_a_rest(span, says):
    with pytest.raises(SpecError, match=says):
        HeadCodecs((exact_codec(12),), FOUR, span)


def test_a_joined_dimension_is_that_of_whole_heads():
    with pytest.raises(SpecError, match="13 dimensions cannot be those of 2 heads"):
        HeadCodecs((exact_codec(13),) * 2, FOUR, 2)
