import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.data.names import kind_of, layer_of


@pytest.mark.parametrize(
    ("name", "layer", "kind"),
    [
        ("layer15.v", 15, "v"),
        ("layer15.k", 15, "k"),
        ("transformer.h.3.attn.v", 3, "v"),
        ("model.layers.7.value", 7, "v"),
        ("model/layers/7/key_states", 7, "k"),
        ("v_5", 5, "v"),
        ("V5", 5, "v"),
        ("value_cache.11", 11, "v"),
        ("key_cache.11", 11, "k"),
        ("past_key_values.3.key", 3, "k"),
        ("past_key_values.3.value", 3, "v"),
        ("5", 5, ""),
        ("gpt2_block_4_value", 4, "v"),
        ("layer3.head2.v", 3, "v"),
        ("head2.v", None, "v"),
        ("arr_0", None, ""),
        ("array", None, ""),
        ("qkv", None, ""),
        ("", None, ""),
    ],
)
def test_names(name, layer, kind):
    assert layer_of(name) == layer
    assert kind_of(name) == kind


@given(st.integers(0, 999), st.sampled_from(["layer{}.v", "h.{}.v", "v_{}", "blocks/{}/values"]))
def test_every_layer_number_is_found(number, pattern):
    assert layer_of(pattern.format(number)) == number


@given(st.text())
def test_any_text_is_a_name(name):
    assert layer_of(name) is None or layer_of(name) >= 0
    assert kind_of(name) in ("v", "k", "")
