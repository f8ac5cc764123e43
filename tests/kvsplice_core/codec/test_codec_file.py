"""A codec file comes back bit for bit, or is refused in one sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from kvsplice_core import load_codec, save_codec
from kvsplice_core.base.errors import CodecFileError, KVSpliceError, SpecError
from kvsplice_core.codec.codec_file import SCHEMA, load_history
from kvsplice_core.codec.history import History
from kvsplice_core.codec.kinds import Decoding, Method, Quantization
from kvsplice_core.codec.projection import RoundedProjection
from tests.kvsplice_core.codec.test_codec import DIM, ROWS, codec_of, composed, rounded


@pytest.fixture
def path(tmp_path):
    return tmp_path / "codec.safetensors"


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("k", [1, 3, DIM])
def test_it_comes_back_bit_for_bit(method, k, path):
    codec = codec_of(method, k)
    save_codec(codec, path)
    back = load_codec(path)
    assert (back.method, back.dim, back.k, back.provenance.notes) == (method, DIM, k, {"a": 1})
    for part in ("transform", "projection"):
        ours, theirs = getattr(codec, part).tensors(), getattr(back, part).tensors()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    latent = codec.encode(ROWS)
    assert torch.equal(back.encode(ROWS), latent)
    assert torch.equal(back.decode(latent), codec.decode(latent))


def same(ours, theirs):
    """Say whether two codecs are the same, bit for bit, and do the same."""
    held, other = ours.tensors(), theirs.tensors()
    words = ("method", "dim", "k", "provenance", "decoding", "quantization", "stored_size")
    stored = ours.encode(ROWS)
    return (
        [getattr(ours, word) for word in words] == [getattr(theirs, word) for word in words]
        and held.keys() == other.keys()
        and all(torch.equal(held[name], other[name]) for name in held)
        and type(ours.projection) is type(theirs.projection)
        and torch.equal(theirs.encode(ROWS), stored)
        and torch.equal(theirs.decode(stored), ours.decode(stored))
    )


@pytest.mark.parametrize("quantizer", [None, *Quantization])
@pytest.mark.parametrize("decoder", list(Decoding))
@pytest.mark.parametrize("method", [Method.PCA, Method.SPLINE])
def test_decoder_and_quantizer_come_back_bit_for_bit(method, decoder, quantizer, path):
    codec = composed(method, 3, decoder, quantizer)
    save_codec(codec, path)
    assert same(codec, load_codec(path))


def test_rounding_without_a_basis_comes_back(path):
    save_codec(rounded(), path)
    assert same(rounded(), load_codec(path))


def test_a_rounded_basis_comes_back(path):
    codec = with_rounded_basis()
    save_codec(codec, path)
    assert same(codec, load_codec(path))


def with_rounded_basis():
    codec = composed(Method.SPLINE, 3, Decoding.LINEAR, Quantization.LLOYD_MAX)
    return replace(codec, projection=RoundedProjection.of(codec.projection))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("encoder_steps", lambda steps: steps.float()),
        ("decoder_units", lambda units: units.to(torch.int8)),
        ("decoder_steps", lambda steps: steps[:2].contiguous()),
        ("offset_in", None),
    ],
)
def test_a_rounded_basis_of_other_parts_is_refused(name, change, path):
    codec = with_rounded_basis()
    save_codec(codec, path)
    with safe_open(path, "pt") as file:
        held = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        metadata = file.metadata()
    part = held.pop(f"projection.{name}")
    if change is not None:
        held[f"projection.{name}"] = change(part)
    save_file(held, path, metadata)
    assert "a rounded projection of shapes" in refusal(path)


def test_a_history_lies_beside_the_codec_and_is_no_part_of_it(path):
    codec, history = codec_of(Method.SPLINE, 2), History.of(ROWS[1:], ROWS[:1])
    save_codec(codec, path, history)
    back, kept = load_codec(path), load_history(path)
    assert back.tensors().keys() == codec.tensors().keys()
    assert torch.equal(back.encode(ROWS), codec.encode(ROWS))
    assert torch.equal(kept.moments.scatter, history.moments.scatter)
    assert torch.equal(kept.replay, history.replay)


def test_a_file_without_a_history_says_so(path):
    save_codec(codec_of(Method.PCA, 2), path)
    with pytest.raises(CodecFileError, match="holds none: fit it again"):
        load_history(path)


def test_saving_twice_writes_the_same_bytes(path, tmp_path):
    again = tmp_path / "again.safetensors"
    for target in (path, again):
        save_codec(codec_of(Method.FLOW, 2), target)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", ["codec.pt", "codec", "codec.safetensors.txt"])
def test_another_suffix_is_refused(name, tmp_path):
    with pytest.raises(SpecError, match="saved as"):
        save_codec(codec_of(Method.PCA, 2), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    save_codec(codec_of(Method.PCA, 2), path)
    before = path.read_bytes()

    def fails(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kvsplice_core.codec.codec_file.save_file", fails)
    with pytest.raises(KVSpliceError, match="No space left"):
        save_codec(codec_of(Method.SPLINE, 3), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def refusal(path):
    with pytest.raises(CodecFileError) as caught:
        load_codec(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused(path):
    assert "there is no file" in refusal(path)
    path.mkdir()
    assert "there is no file" in refusal(path)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_bytes_of_anything_else_are_refused(data, path):
    path.write_bytes(data)
    refusal(path)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999))
def test_a_cut_off_file_is_refused(share, path):
    save_codec(codec_of(Method.SPLINE, 2), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)


def test_a_safetensors_of_someone_else_is_refused(path):
    save_file({"weight": torch.zeros(3)}, path)
    assert "must be a codec saved by KVSplice" in refusal(path)


def rewrite(path, codec=None, header=None, **tensors):
    """Save a codec, then change its header and tensors (None takes one out)."""
    save_codec(codec or codec_of(Method.SPLINE, 2), path)
    with safe_open(path, framework="pt") as file:
        found = json.loads(file.metadata()[SCHEMA])
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    held |= {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    kept = {name: tensor for name, tensor in held.items() if tensor is not None}
    text = header if isinstance(header, str) else json.dumps(found | (header or {}))
    save_file(kept, path, metadata={SCHEMA: text})


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"schema_version": 1}, "must have codec schema 2; it has 1"),
        ({"schema_version": None}, "must have codec schema 2"),
        ({"method": "wavelet"}, "damaged codec header"),
        ({"dim": "x"}, "damaged codec header"),
        ({"k": None}, "damaged codec header"),
        ({"info": 3}, "damaged codec header"),
        ({"k": 3}, "projection of shapes"),
        ({"dim": 4}, ""),
        ({"k": 2.5}, "damaged codec header"),
        ("{", "damaged codec header"),
        ("[1]", "damaged codec header"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(header, says, path):
    rewrite(path, header=header)
    assert says in refusal(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"projection__encoder": torch.full((DIM, 2), np.nan)},
        {"projection__offset_in": torch.full((DIM,), np.inf)},
        {"projection__decoder": None},
        {"projection__encoder": torch.zeros(2, DIM)},
        {"projection__encoder": torch.zeros(DIM, 2, dtype=torch.int64)},
        {"projection__encoder": torch.zeros(DIM, 2, dtype=torch.float64)},
        {"transform__slopes": None},
        {"transform__slopes": torch.zeros(15, DIM)},
        {"transform__slopes": torch.ones(15, DIM, dtype=torch.int64)},
    ],
)
def test_tensors_that_make_no_codec_are_refused(tensors, path):
    rewrite(path, **tensors)
    refusal(path)


def whole():
    """Return a codec with everything a file can hold."""
    return composed(Method.PCA, 3, Decoding.QUADRATIC, Quantization.LLOYD_MAX)


def part(name, **changes):
    """Return what to lay over a header to change a part of it."""
    from kvsplice_core.codec.codec_file import codec_header

    return {name: codec_header(whole())[name] | changes}


@pytest.mark.parametrize(
    "header",
    [
        {"decoder": None},
        {"decoder": []},
        {"decoder": {"kind": "linear"}},
        {"decoder": {"kind": "quadratic"}},
        part("decoder", kind="cubic"),
        part("decoder", kind="linear"),
        part("decoder", settings=None),
        part("decoder", settings="more"),
        part("decoder", settings={}),
        {"quantizer": None},
        {"quantizer": "lloyd-max"},
        {"quantizer": {"kind": "lloyd-max"}},
        part("quantizer", kind="vector"),
        part("quantizer", kind="rounding"),
        part("quantizer", settings=None),
        part("quantizer", settings=[1]),
        part("quantizer", settings={}),
        {"k": True},
        {"k": 0, "dim": 0},
        {"k": 10**9, "dim": 10**9},
    ],
)
def test_a_header_of_another_decoder_or_quantizer_is_refused(header, path):
    rewrite(path, whole(), header)
    refusal(path)


@pytest.mark.parametrize("size", [10**5, 10**9])
def test_a_dimension_no_model_has_asks_for_no_memory(size, path):
    gone = {f"projection__{name}": None for name in rounded().plain().projection.tensors()}
    rewrite(path, rounded(), {"dim": size, "k": size}, **gone)
    refusal(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"quantizer__bits": None},
        {"quantizer__bits": torch.full((3,), -1)},
        {"quantizer__bits": torch.full((3,), 9)},
        {"quantizer__bits": torch.ones(3)},
        {"quantizer__scale": torch.zeros(3)},
        {"quantizer__centre": torch.zeros(2)},
        {"quantizer__levels": torch.zeros(3)},
        {"quantizer__levels": torch.full((24,), np.nan)},
        {"quantizer__more": torch.zeros(3)},
        {"correction__weights": None},
        {"correction__weights": torch.zeros(2, DIM)},
        {"correction__more": torch.zeros(2, DIM)},
        {"stranger": torch.zeros(3)},
    ],
)
def test_tensors_that_make_no_decoder_or_quantizer_are_refused(tensors, path):
    rewrite(path, whole(), **tensors)
    refusal(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=json_values)
def test_whatever_a_header_says_gives_a_codec_or_one_sentence(data, value, path):
    names = ("method", "dim", "k", "decoder", "quantizer", "info")
    name = data.draw(st.sampled_from(names))
    change = {name: value}
    if name in ("decoder", "quantizer") and data.draw(st.booleans()):
        field = data.draw(st.sampled_from(("kind", "settings")))
        inner = part(name)[name]
        if field == "settings" and data.draw(st.booleans()):
            value = inner[field] | {data.draw(st.sampled_from(sorted(inner[field]))): value}
        change = part(name, **{field: value})
    rewrite(path, whole(), change)
    try:
        found = load_codec(path)
    except CodecFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert found.reconstruct(ROWS[:2]).shape == (2, DIM)
