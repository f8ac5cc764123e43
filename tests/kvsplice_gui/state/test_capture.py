"""What can be told of a capture before a model is loaded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.data.capture import Sides
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_gui.state.capture import (
    CaptureWish,
    estimated_bytes,
    file_name,
    model_at_hand,
    parse_layers,
    require_usable,
    short_name,
)

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "rope_theta": 10_000.0,
}


def write(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA | changes))
    return str(folder)


def test_the_bundled_model_is_the_one_the_core_loads():
    from kvsplice_core.language.bundled import BUNDLED as LOADED

    assert BUNDLED == LOADED


@given(layers=st.sets(st.integers(0, 60), min_size=1))
def test_layers_read_back_what_is_written(layers):
    assert parse_layers(",".join(map(str, layers))) == tuple(sorted(layers))
    low, high = min(layers), max(layers)
    assert parse_layers(f" {low}-{high} ") == tuple(range(low, high + 1))


@pytest.mark.parametrize("text", ["", "  ", " , "])
def test_no_layers_are_all(text):
    assert parse_layers(text) is None


@pytest.mark.parametrize("text", ["a", "3-1", "-1", "1-", "0..3", "1;2", "99999", "\u0663"])
def test_other_layers_are_refused(text):
    with pytest.raises(SpecError, match=r"of layers must lie|layers must be numbers and ranges"):
        parse_layers(text)


def test_a_folder_tells_its_shape_and_rotary(tmp_path):
    known = model_at_hand(write(tmp_path / "llama"))
    assert (known.shape.layers, known.shape.kv_heads, known.shape.head_dim) == (3, 2, 16)
    assert known.rotary is True
    assert (
        model_at_hand(write(tmp_path / "gpt", model_type="gpt2", rope_theta=None)).rotary is False
    )
    assert model_at_hand(write(tmp_path / "new", model_type="new", rope_theta=None)).rotary is None


def test_a_hub_id_is_told_from_what_was_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert model_at_hand("org/llama") is None
    write(tmp_path / "models--org--llama" / "snapshots" / "abc")
    assert model_at_hand("org/llama").shape.layers == 3


@pytest.mark.parametrize("name", ["", "nobody/nothing", "x" * 5000, "~nobody-at-all/x", "a\0b"])
def test_what_is_not_at_hand_is_unknown(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert model_at_hand(name) is None


def test_a_broken_config_is_unknown(tmp_path):
    (tmp_path / "config.json").write_text("{")
    assert model_at_hand(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (CaptureWish(model=""), "a model is required"),
        (CaptureWish(model="gpt2", path="o.safetensors"), "text is required for gpt2"),
        (CaptureWish(layers="x"), "layers must be"),
        (CaptureWish(layers="2, 4", path="o.safetensors"), "layers must lie in 0 … 3; got 4"),
        (CaptureWish(path=""), "a file to write is required"),
        (CaptureWish(path="o.npy"), "must end in .safetensors; got o.npy"),
        (CaptureWish(tokens=3), "token budget"),
    ],
)
def test_each_fault_has_its_sentence(wish, words):
    with pytest.raises(SpecError, match=words.replace(".", r"\.")) as caught:
        require_usable(wish, model_at_hand(wish.model))
    assert "\n" not in str(caught.value)


def test_the_defaults_can_be_captured():
    require_usable(CaptureWish(path="o.safetensors"), model_at_hand(BUNDLED))


@given(
    tokens=st.integers(16, 10**6), sides=st.sampled_from(Sides), layers=st.sets(st.integers(0, 3))
)
def test_the_estimate_counts_every_number(tokens, sides, layers):
    known = model_at_hand(BUNDLED)
    wish = CaptureWish(tokens=tokens, sides=sides, layers=",".join(map(str, layers)))
    count = len(layers) or 4
    assert estimated_bytes(wish, known) == count * tokens * 4 * 64 * 2 * len(sides.names)


def test_impossible_layers_have_no_size():
    assert estimated_bytes(CaptureWish(layers="x"), model_at_hand(BUNDLED)) is None


@pytest.mark.parametrize(
    ("model", "sides", "name"),
    [
        ("gpt2-mini", Sides.V, "gpt2-mini-v.safetensors"),
        ("Qwen/Qwen3-0.6B", Sides.BOTH, "Qwen3-0.6B-kv.safetensors"),
        ("/models/my model/", Sides.K, "my-model-k.safetensors"),
        ("C:\\models\\x", Sides.V, "x-v.safetensors"),
        ("", Sides.V, "capture-v.safetensors"),
    ],
)
def test_files_are_named_after_model_and_sides(model, sides, name):
    assert file_name(CaptureWish(model=model, sides=sides)) == name


@given(st.text())
def test_a_name_is_one_part_of_a_path(model):
    assert not set(short_name(model)) & set('/\\:*?"<>| ')
