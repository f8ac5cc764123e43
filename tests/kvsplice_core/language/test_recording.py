"""Attention received is what the model's own weights say; reading computes no more than needed."""

import pytest
import torch
from transformers.cache_utils import DynamicCache

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.recording import read_window
from kvsplice_core.language.texts import tokenise
from tests.kvsplice_core.language.families import FAMILIES, SLIDING_WINDOW, tiny_gptj
from tests.language_models import some_documents

TOKENS = 60


def eager_weights(language, tokens):
    """Return the attention weights of every layer, (query_heads, queries, tokens)."""
    before = language.model.config._attn_implementation
    language.model.config._attn_implementation = "eager"
    try:
        with torch.no_grad():
            return language.model(tokens[None], output_attentions=True).attentions
    finally:
        language.model.config._attn_implementation = before


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_attention_received_is_that_of_the_eager_weights(tmp_path, family):
    language, path = family(), tmp_path / "x.safetensors"
    is_sliding = "sliding_attention" in (getattr(language.model.config, "layer_types", None) or ())
    document = some_documents(1)
    spec = CaptureSpec(tokens=TOKENS, attention=True, context=TOKENS)
    run(capture_vectors(language, document, spec, path))
    held = open_capture(path)
    tokens = tokenise(language, document[0])[:TOKENS]
    for layer, weights in enumerate(eager_weights(language, tokens)):
        squares = weights[0].double().square()
        kv_heads = held.facts.model.kv_heads
        group = squares.shape[0] // kv_heads
        reach = SLIDING_WINDOW if layer == 0 and is_sliding else TOKENS
        for head in range(kv_heads):
            for token in (0, 1, 30, TOKENS - 1):
                queries = slice(token, min(TOKENS, token + reach))
                mean = squares[head * group : (head + 1) * group, queries, token].mean()
                got = float(held.attention(layer)[token, head])
                assert got == pytest.approx(float(mean), rel=1e-3, abs=1e-7)


def test_attention_that_cannot_be_seen_is_refused(tmp_path):
    spec = CaptureSpec(tokens=TOKENS, attention=True)
    with pytest.raises(LanguageModelError, match="interface; in tiny-gptj layer 0 does not"):
        run(capture_vectors(tiny_gptj(), some_documents(1), spec, tmp_path / "x.safetensors"))
    assert list(tmp_path.iterdir()) == []


def test_attention_is_no_vector(tmp_path, llama_capture):
    from kvsplice_core.data.vectors import describe

    assert {info.name for info in describe(llama_capture.path)} == {
        f"layers.{i}.{side}" for i in range(2) for side in "kv"
    }


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_positions_can_start_later(family):
    language = family()
    if not language.facts.rotary:
        return
    tokens = tokenise(language, some_documents(1)[0])[:20]
    got = {}
    read_window(language, tokens, lambda i, k, v: got.update({i: (k, v)}), first_position=3)
    cache = DynamicCache()
    with torch.no_grad():
        positions = torch.arange(3, 23)[None]
        language.model(tokens[None], position_ids=positions, past_key_values=cache)
    for i, layer in enumerate(cache.layers):
        assert torch.equal(got[i][0], layer.keys)
        assert torch.equal(got[i][1], layer.values)
