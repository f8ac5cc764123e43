"""Model shapes come from presets and from every common kind of ``config.json``."""

import json

import pytest

from kvsplice_core.base.errors import ModelShapeError
from kvsplice_core.data.model_shape import PRESETS, ModelShape, load_model_shape

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "hidden_size": 576,
}


@pytest.fixture
def write(tmp_path):
    def write(config):
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config), "utf-8")
        return path

    return write


@pytest.mark.parametrize("key", PRESETS)
def test_presets_are_found_by_key_and_by_name(key):
    shape = PRESETS[key]
    assert load_model_shape(key) is shape
    assert load_model_shape(shape.name.upper().replace(" ", "_")) is shape


@pytest.mark.parametrize(
    ("key", "layers", "heads"),
    [("gpt2", 12, 12), ("gpt2-medium", 24, 16), ("gpt2-large", 36, 20), ("gpt2-xl", 48, 25)],
)
def test_presets_are_the_published_models(key, layers, heads):
    shape = PRESETS[key]
    assert (shape.layers, shape.kv_heads, shape.head_dim) == (layers, heads, 64)
    assert shape.hidden == heads * 64


def test_gpt2_names_are_read(write):
    path = write({"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768})
    assert load_model_shape(path) == ModelShape("gpt2", 12, 12, 64, 12, 768)


def test_grouped_query_attention_is_read(write):
    assert load_model_shape(write(LLAMA)) == ModelShape("llama", 30, 3, 64, 9, 576)


def test_head_dim_may_differ_from_the_width(write):
    assert load_model_shape(write({**LLAMA, "head_dim": 128})).head_dim == 128


def test_a_nested_text_config_and_a_folder_are_read(write):
    path = write({"text_config": LLAMA, "vision_config": {"num_hidden_layers": 2}})
    assert load_model_shape(path.parent).layers == 30


def test_multi_query_attention_has_one_kv_head(write):
    config = {"n_layer": 32, "n_head": 71, "hidden_size": 4544, "multi_query": True}
    assert load_model_shape(write(config)).kv_heads == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{", "must be readable JSON"),
        ("[1]", "must hold a JSON object; got list"),
        ({}, "must say num_hidden_layers"),
        ({**LLAMA, "num_hidden_layers": True}, "positive integer; got True"),
        ({**LLAMA, "num_hidden_layers": "30"}, "positive integer; got '30'"),
        ({**LLAMA, "num_key_value_heads": 0}, "positive integer; got 0"),
        ({**LLAMA, "head_dim": 64.0}, "positive integer; got 64.0"),
        ({**LLAMA, "hidden_size": 577}, "got 577 over 9"),
        ({**LLAMA, "kv_lora_rank": 512}, "multi-head latent attention"),
    ],
)
def test_bad_configs_are_told_in_one_sentence(write, config, words):
    with pytest.raises(ModelShapeError) as caught:
        load_model_shape(write(config))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gpt5", "", "x" * 5000, "~nobody-of-that-name/config.json"])
def test_an_unknown_model_names_what_is_known(name):
    with pytest.raises(
        ModelShapeError, match="one of gpt2-mini, gpt2, gpt2-medium, gpt2-large, gpt2-xl"
    ):
        load_model_shape(name)
