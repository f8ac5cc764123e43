"""A card file comes back bit for bit, or is refused in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from kvsplice_core import load_codec, save_codec
from kvsplice_core.base.errors import CodecFileError, KVSpliceError, SpecError
from kvsplice_core.base.estimates import Change
from kvsplice_core.codec.card import Card, HeadScore
from kvsplice_core.codec.card_file import SCHEMA, is_card, load_card, save_card
from kvsplice_core.codec.codec_file import codec_header
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.provenance import Provenance
from tests.kvsplice_core.codec.test_card import FACTS, make_card
from tests.kvsplice_core.codec.test_codec import rounded
from tests.kvsplice_core.codec.test_heads import DIM, HEADS, codec, composed
from tests.kvsplice_core.codec.test_provenance import provenances
from tests.kvsplice_core.makers import bent_rows, per_head, pooled

in_one_folder = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "card.safetensors"


def refusal(path):
    with pytest.raises(CodecFileError) as caught:
        load_card(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def same(ours: Card, theirs: Card) -> bool:
    """Say whether two cards agree in everything, tensors bit for bit."""
    for side in ("values", "keys"):
        mine, other = getattr(ours, side), getattr(theirs, side)
        if mine.keys() != other.keys():
            return False
        for layer in mine:
            pairs = zip(mine[layer].codecs, other[layer].codecs, strict=True)
            places = [(one[layer].heads, one[layer].span) for one in (mine, other)]
            if places[0] != places[1] or not all(same_codec(*p) for p in pairs):
                return False
    words = ("model", "scores", "proofs", "keys_before_rotary")
    return ours.provenance == theirs.provenance and all(
        getattr(ours, word) == getattr(theirs, word) for word in words
    )


def same_codec(mine, other) -> bool:
    if codec_header(mine) != codec_header(other):
        return False
    a, b = mine.tensors(), other.tensors()
    if a.keys() != b.keys() or not all(torch.equal(a[name], b[name]) for name in a):
        return False
    rows = bent_rows(20, mine.dim)
    return torch.equal(mine.encode(rows), other.encode(rows))


SCORE = HeadScore("v", 1, 2, "spline", "pca", 3, 0.1, 0.2, Change(-3.0, -4.0, -2.0))


@st.composite
def cards(draw):
    """Draw a card: sides, layers, methods head by head, pooled, joined, quantized, its words."""

    def layers():
        picked = draw(st.sets(st.integers(0, 1), min_size=0, max_size=2))
        return {layer: layer_drawn() for layer in picked}

    def layer_drawn():
        k = st.integers(1, DIM)
        if draw(st.booleans()):
            return composed_layer()
        if draw(st.booleans()):
            return pooled(codec(draw(st.sampled_from(list(Method))), draw(k)), HEADS)
        return per_head(
            [codec(draw(st.sampled_from(list(Method))), draw(k), i) for i in range(HEADS)]
        )

    def composed_layer():
        span = draw(st.sampled_from([1, HEADS]))
        decoders = st.sampled_from([None, Decoding.QUADRATIC, Decoding.POLYNOMIAL])
        kinds = st.sampled_from([None, *Quantization])
        count = draw(st.sampled_from([1, HEADS // span]))
        made = [composed(span, draw(kinds), draw(decoders)) for _ in range(count)]
        return HeadCodecs(tuple(made), HEADS, span)

    values, keys = layers(), layers()
    if not values and not keys:
        values = {0: layer_drawn()}
    info = draw(provenances())
    proofs = ({"nll": [1.0, None], "ß": True},) if draw(st.booleans()) else ()
    scores = tuple(draw(st.lists(st.just(SCORE), max_size=2)))
    return Card(FACTS, values, keys, scores, info, proofs, draw(st.booleans()))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_it_comes_back_bit_for_bit(data, path):
    card = data.draw(cards(), label="card")
    save_card(card, path)
    assert same(load_card(path), card)
    assert is_card(path)


@pytest.mark.parametrize("method", list(Method))
def test_saving_twice_writes_the_same_bytes(method, path, tmp_path):
    again = tmp_path / "again.safetensors"
    for target in (path, again):
        save_card(make_card(method), target)
    assert path.read_bytes() == again.read_bytes()


def test_a_card_packed_for_a_cache_saves_the_same_bytes(path, tmp_path):
    card = make_card(Method.SPLINE)
    packed = replace(card, values={i: one.packed("cpu") for i, one in card.values.items()})
    save_card(card, path)
    save_card(packed, tmp_path / "packed.safetensors")
    assert path.read_bytes() == (tmp_path / "packed.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["card.pt", "card", "card.safetensors.txt"])
def test_another_suffix_is_refused(name, tmp_path):
    with pytest.raises(SpecError, match="saved as"):
        save_card(make_card(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("killed")])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(error, path, monkeypatch):
    save_card(make_card(), path)
    before = path.read_bytes()

    def fails(tensors, target, **options):
        target.write_bytes(b"half")
        raise error

    monkeypatch.setattr("kvsplice_core.codec.card_file.save_file", fails)
    with pytest.raises((KVSpliceError, RuntimeError)):
        save_card(make_card(Method.SPLINE), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_words_json_cannot_hold_leave_no_file(path):
    with pytest.raises((SpecError, TypeError)):
        save_card(make_card(provenance=Provenance(notes={"by": object()})), path)
    assert list(path.parent.iterdir()) == []


def test_a_missing_file_is_refused(path):
    assert "there is no file" in refusal(path)
    path.mkdir()
    assert "there is no file" in refusal(path)


@in_one_folder
@given(data=st.binary(max_size=60))
def test_bytes_of_anything_else_are_refused(data, path):
    path.write_bytes(data)
    refusal(path)
    assert not is_card(path)


@in_one_folder
@given(share=st.floats(0, 0.999))
def test_a_cut_off_file_is_refused(share, path):
    save_card(make_card(Method.SPLINE), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)


@in_one_folder
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_tensor_is_refused(place, bit, path):
    save_card(make_card(Method.SPLINE), path)
    whole = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(whole[:8], "little")
    whole[start + int(place * (len(whole) - start))] ^= 1 << bit
    path.write_bytes(whole)
    refusal(path)


def test_foreign_files_are_refused(path):
    save_file({"weight": torch.zeros(3)}, path)
    assert "must be a card saved by KVSplice" in refusal(path)
    assert not is_card(path)


def test_a_codec_is_no_card_and_a_card_no_codec(path):
    save_codec(codec(Method.SPLINE, 3), path)
    assert "must be a card saved by KVSplice" in refusal(path)
    assert not is_card(path)
    save_card(make_card(), path)
    with pytest.raises(CodecFileError, match="must be a codec saved by KVSplice"):
        load_codec(path)


def rewrite(path, change=None, tensors=None, text=None, card=None, forge=True):
    """Save a card, then change its header and its tensors, with a hash that fits again."""
    from kvsplice_core.codec.card_file import _content_hash

    save_card(card or make_card(Method.SPLINE, scores=(SCORE,)), path)
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[SCHEMA])
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    held |= tensors(held) if tensors else {}
    held = {name: tensor for name, tensor in held.items() if tensor is not None}
    if change:
        change(header)
    if forge and header.pop("sha256", None):
        header["sha256"] = _content_hash(header, held)
    save_file(held, path, metadata={SCHEMA: json.dumps(header) if text is None else text})


ENCODER, SLOPES = "v.1.2.projection.encoder", "v.0.1.transform.slopes"


def with_number(name, number):
    def changed(held):
        tensor = held[name].clone()
        tensor.view(-1)[0] = number
        return {name: tensor}

    return changed


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (with_number(ENCODER, float("nan")), "must be finite"),
        (with_number(ENCODER, float("inf")), "must be finite"),
        (with_number(SLOPES, -1.0), "must increase strictly"),
        (with_number(SLOPES, 0.0), "must increase strictly"),
        (with_number("v.0.1.transform.knots_in", 1e6), "must increase strictly"),
        (lambda held: {ENCODER: None}, "projection of shapes"),
        (lambda held: {SLOPES: None}, "slopes is missing"),
        (lambda held: {ENCODER: torch.zeros(DIM, 4)}, "projection of shapes"),
        (lambda held: {ENCODER: held[ENCODER].double()}, "float64"),
        (lambda held: {ENCODER: held[ENCODER].half()}, "float16"),
        (lambda held: {ENCODER: torch.zeros(DIM, 3, dtype=torch.int64)}, "projection of shapes"),
        (lambda held: {SLOPES: torch.ones(3, DIM)}, "spline tables must have shapes"),
        (lambda held: {"v.1.2.projection.more": torch.zeros(2)}, "projection of shapes"),
        (lambda held: {"v.1.9.projection.encoder": torch.zeros(2)}, "no codec of its header"),
    ],
)
def test_tensors_that_make_no_card_are_refused_though_the_hash_fits(tensors, says, path):
    rewrite(path, tensors=tensors)
    assert says in refusal(path)


def test_changed_tensors_are_refused_though_they_make_a_card(path):
    rewrite(path, tensors=with_number(ENCODER, 0.25), forge=False)
    assert "it was changed since" in refusal(path)


def test_a_changed_score_is_refused(path):
    rewrite(path, set_at("scores", 0, "mse", 1e-9), forge=False)
    assert "it was changed since" in refusal(path)


def set_at(*path_and_value):
    *path, last, value = path_and_value

    def change(header):
        for key in path:
            header = header[key]
        header[last] = value

    return change


def without(*path):
    *path, last = path

    def change(header):
        for key in path:
            header = header[key]
        del header[last]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_at("schema_version", 1), "must have card schema 2; it has 1"),
        (without("schema_version"), "must have card schema 2; it has None"),
        (without("sha256"), "it was changed since"),
        (without("model"), "damaged card header"),
        (without("codecs"), "damaged card header"),
        (without("proofs"), "damaged card header"),
        (set_at("model", 3), "damaged card header"),
        (set_at("model", "layers", "two"), "damaged card header"),
        (set_at("model", "layers", 2.0), "damaged card header"),
        (set_at("model", "kv_heads", None), "damaged card header"),
        (set_at("model", "kv_heads", True), "damaged card header"),
        (set_at("model", "name", 3), "damaged card header"),
        (set_at("model", "more", 3), "damaged card header"),
        (set_at("model", "kv_heads", 5), "a layer of 5 heads needs"),
        (set_at("model", "head_dim", 8), "must have codecs for 3 heads of 8"),
        (set_at("model", "layers", 1), "must lie in 0 … 0; got 1"),
        (set_at("codecs", []), "tensors of no codec"),
        (set_at("model", "layers", 0), "must lie in"),
        (set_at("codecs", {}), "damaged card header"),
        (set_at("codecs", [3]), "damaged card header"),
        (set_at("codecs", 0, "layer", 7), "damaged card header"),
        (set_at("codecs", 0, "layer", "0"), "damaged card header"),
        (set_at("codecs", 0, "layer", 0.0), "damaged card header"),
        (set_at("codecs", 0, "layer", 1), "damaged card header"),
        (set_at("codecs", 0, "group", 1), "damaged card header"),
        (set_at("codecs", 0, "group", None), "damaged card header"),
        (set_at("codecs", 1, "span", 3), "damaged card header"),
        (set_at("codecs", 0, "span", 3), "damaged card header"),
        (without("codecs", 0, "span"), "damaged card header"),
        (set_at("codecs", 0, "side", "q"), "damaged card header"),
        (set_at("codecs", 0, "name", "v.0.7"), ""),
        (set_at("codecs", 0, "method", "wavelet"), "damaged codec header"),
        (set_at("codecs", 0, "k", 4), "projection of shapes"),
        (set_at("codecs", 0, "k", None), "damaged codec header"),
        (without("codecs", 0), ""),
        (set_at("scores", 3), "damaged card header"),
        (set_at("scores", 0, "method", 3), "damaged card header"),
        (set_at("scores", 0, "change", 3), "damaged card header"),
        (set_at("scores", 0, "mse", "small"), "damaged card header"),
        (set_at("info", 3), "damaged card header"),
        (set_at("info", [[1, 2]]), "damaged card header"),
        (set_at("proofs", 3), "damaged card header"),
        (set_at("proofs", ["good"]), "damaged card header"),
        (set_at("keys_before_rotary", "no"), "damaged card header"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(change, says, path):
    rewrite(path, change=change)
    assert says in refusal(path)


@pytest.mark.parametrize("text", ["{", "[1]", "3", "null", "", '{"schema_version": 1}', "[" * 9999])
def test_damaged_json_is_refused(text, path):
    rewrite(path, text=text)
    refusal(path)


def test_a_codec_that_is_not_invertible_at_k_equal_d_is_refused(path):
    # Increasing and finite, but so steep in one segment that fp32 forgets where it was.
    def steep(held):
        knots = held["v.0.1.transform.knots_in"]
        slopes = held[SLOPES].clone()
        slopes[:, 0] = torch.logspace(-12, 12, len(slopes))
        rises = torch.cat([knots[:1], slopes * (knots[1:] - knots[:-1])]).cumsum(0)
        return {SLOPES: slopes, "v.0.1.transform.knots_out": rises}

    rewrite(path, tensors=steep)
    assert "must give back what it gets; v.0.1 in" in refusal(path)


def quantized_card() -> Card:
    """Return a card with a joined layer of levels behind a quadratic decoder."""
    one = composed(HEADS, Quantization.LLOYD_MAX, Decoding.QUADRATIC)
    return Card(FACTS, values={1: HeadCodecs((one,), HEADS, HEADS)})


QUANTIZED = "v.1.all.quantizer"


@pytest.mark.parametrize(
    ("change", "tensors"),
    [
        (set_at("codecs", 0, "quantizer", None), None),
        (set_at("codecs", 0, "quantizer", "kind", "int8"), None),
        (set_at("codecs", 0, "quantizer", "settings", "gain", 1), None),
        (set_at("codecs", 0, "decoder", "kind", "linear"), None),
        (set_at("codecs", 0, "decoder", "settings", "leading", 10**6), None),
        (set_at("codecs", 0, "decoder", None), None),
        (set_at("codecs", 0, "span", 1), None),
        (set_at("codecs", 0, "span", 0), None),
        (set_at("codecs", 0, "span", None), None),
        (set_at("codecs", 0, "group", 0), None),
        (None, with_number(f"{QUANTIZED}.bits", -1)),
        (None, with_number(f"{QUANTIZED}.bits", 8)),
        (None, with_number(f"{QUANTIZED}.scale", 0.0)),
        (None, with_number(f"{QUANTIZED}.levels", float("nan"))),
        (None, lambda held: {f"{QUANTIZED}.levels": None}),
        (None, lambda held: {"v.1.all.correction.weights": None}),
        (None, lambda held: {f"{QUANTIZED}.more": torch.zeros(2)}),
    ],
)
def test_a_damaged_quantizer_or_decoder_is_refused_though_the_hash_fits(change, tensors, path):
    rewrite(path, change=change, tensors=tensors, card=quantized_card())
    refusal(path)


def test_rounding_without_a_basis_comes_back(path):
    facts = replace(FACTS, head_dim=rounded().dim)
    card = Card(facts, values={0: HeadCodecs((rounded(),), HEADS)})
    save_card(card, path)
    assert same(load_card(path), card)
