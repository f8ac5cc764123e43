"""K before rotary is what the model had before it turned K, or it is refused."""

import sys

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec, KeyState, Sides
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.projections import attention_modules
from tests.kvsplice_core.language.families import ROTARY, tiny_gpt_oss, tiny_gptj, tiny_smollm3
from tests.language_models import some_documents, tiny_gpt2

SPEC = CaptureSpec(tokens=90, sides=Sides.K, keys_before_rotary=True, context=90)


def before_rotary(language, tokens, monkeypatch):
    """Return what the modelling module itself hands to its rotation, layer by layer."""
    module = sys.modules[type(next(iter(attention_modules(language.model).values()))).__module__]
    original, seen = module.apply_rotary_pos_emb, []

    def watched(q, k, *args, **kwargs):
        seen.append(k[0].transpose(0, 1))
        return original(q, k, *args, **kwargs)

    monkeypatch.setattr(module, "apply_rotary_pos_emb", watched)
    with torch.no_grad():
        language.model(tokens[None])
    return seen


@pytest.mark.parametrize("family", ROTARY, ids=lambda family: family.__name__)
def test_k_is_as_it_was_before_its_rotation(tmp_path, monkeypatch, family):
    from kvsplice_core.language.texts import tokenise

    language, path, documents = family(), tmp_path / "x.safetensors", some_documents(1)
    result = run(capture_vectors(language, documents, SPEC, path))
    assert result.facts.key_state is KeyState.BEFORE
    held = open_capture(path)
    wanted = before_rotary(language, tokenise(language, documents[0])[:90], monkeypatch)
    assert len(wanted) == 2
    for layer, keys in enumerate(wanted):
        got = held.values("k", layer).rows.reshape(keys.shape)
        assert torch.allclose(got, keys, rtol=2e-3, atol=2e-3 * float(keys.abs().max()))


@pytest.mark.parametrize(
    ("family", "words"),
    [
        (tiny_gpt2, "needs a model with rotary embedding; tiny-gpt2 has none"),
        (tiny_gptj, r"that of tiny-gptj cannot \(form unknown\)"),
        (tiny_gpt_oss, r"that of tiny-gpt-oss cannot \(form unknown\)"),
        (tiny_smollm3, r"that of tiny-smollm3 cannot \(layer 1 misses by"),
    ],
)
def test_models_whose_k_cannot_be_turned_back(tmp_path, family, words):
    with pytest.raises(LanguageModelError, match=words):
        run(capture_vectors(family(), some_documents(1), SPEC, tmp_path / "x.safetensors"))
    assert list(tmp_path.iterdir()) == []


def test_a_layer_with_rotary_beside_one_without(tmp_path):
    from dataclasses import replace

    spec = replace(SPEC, layers=(0,))
    result = run(
        capture_vectors(tiny_smollm3(), some_documents(1), spec, tmp_path / "x.safetensors")
    )
    assert result.facts.key_state is KeyState.BEFORE


def test_v_has_no_rotary():
    with pytest.raises(SpecError, match="needs K among the sides; got v alone"):
        CaptureSpec(keys_before_rotary=True)
