"""A model opens from a folder with one call; whatever does not fit is one sentence."""

import copy
import shutil
import time
from dataclasses import replace

import pytest
import torch
from transformers.utils import logging

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.language.models import load_model, rotary_of, weights_hash
from tests.kvsplice_core.language.families import FAMILIES, tiny_gptj
from tests.language_models import starting_with_end, tiny_gpt2, tiny_llama


@pytest.fixture(autouse=True)
def quiet():
    """Put back what loading a model does to the library's chatter."""
    before = logging.get_verbosity()
    yield
    logging.set_verbosity(before)


def saved(language, folder):
    logging.disable_progress_bar()
    language.model.save_pretrained(folder)
    language.tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", [*FAMILIES, tiny_gptj], ids=lambda family: family.__name__)
def test_a_folder_gives_the_same_model(tmp_path, family):
    language = family()
    loaded = load_model(str(saved(language, tmp_path)))
    assert loaded.sha256 == language.sha256
    assert (loaded.facts.layers, loaded.facts.kv_heads, loaded.facts.head_dim) == (
        language.facts.layers,
        language.facts.kv_heads,
        language.facts.head_dim,
    )
    assert loaded.context == language.context
    assert loaded.facts.rotary is ("gpt2" not in language.name)
    assert loaded.device == torch.device("cpu")
    ids = torch.tensor([loaded.tokenizer("thy kingdom")["input_ids"]])
    with torch.no_grad():
        got, wanted = loaded.model(ids).logits, language.model(ids).logits
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_wished_attention(tmp_path, attention):
    loaded = load_model(str(saved(tiny_gpt2(), tmp_path)), attention=attention)
    assert loaded.model.config._attn_implementation == attention


def test_the_hash_knows_every_weight(tmp_path):
    language = load_model(str(saved(tiny_gpt2(), tmp_path)))
    before = weights_hash(language.model)
    assert before == language.sha256
    language.model.transformer.h[1].mlp.c_fc.bias[3] += 1e-4
    assert weights_hash(language.model) != before


def test_the_library_is_silent(tmp_path, capfd):
    saved(tiny_llama(), tmp_path)
    capfd.readouterr()
    logging.enable_progress_bar()
    load_model(str(tmp_path))
    assert capfd.readouterr() == ("", "")


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert not text.rstrip(".").count(". ")
    return text


def test_a_model_not_at_hand_offline(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    started = time.monotonic()
    with pytest.raises(LanguageModelError) as caught:
        load_model("nobody/no-such-model")
    assert time.monotonic() - started < 10
    text = one_sentence(caught)
    assert "'nobody/no-such-model' is neither a folder nor at hand" in text
    assert "gpt2-mini" in text
    assert caught.value.details


def test_a_folder_without_config(tmp_path):
    with pytest.raises(LanguageModelError, match=r"must hold config\.json"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json"])
def test_an_incomplete_folder(tmp_path, missing):
    saved(tiny_gpt2(), tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(LanguageModelError) as caught:
        load_model(str(tmp_path))
    assert "that transformers can load" in one_sentence(caught)


def test_a_truncated_model(tmp_path):
    saved(tiny_gpt2(), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(LanguageModelError, match="that transformers can load"):
        load_model(str(tmp_path))


def test_a_pickle_is_never_opened(tmp_path):
    saved(tiny_gpt2(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(tiny_gpt2().model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(LanguageModelError):
        load_model(str(tmp_path))


def test_an_encoder_decoder(tmp_path):
    from transformers import T5Config

    shutil.copytree(saved(tiny_gpt2(), tmp_path / "a"), tmp_path / "b")
    T5Config(d_model=16, num_layers=1, num_heads=2, d_kv=8, d_ff=16).save_pretrained(tmp_path / "b")
    with pytest.raises(LanguageModelError, match=r"must be causal \(decoder only\); .* is t5"):
        load_model(str(tmp_path / "b"))


def test_a_device_that_is_not_there(tmp_path):
    with pytest.raises(SpecError):
        load_model(str(tmp_path), device="cuda:99")


def test_where_the_angles_come_from():
    assert rotary_of(tiny_gpt2().model) is None
    assert rotary_of(tiny_llama().model) is tiny_llama().model.model.rotary_emb


def test_a_model_starts_as_its_tokenizer_says():
    assert tiny_gpt2().start == ()
    assert starting_with_end().start == (256,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_hash_of_half_precision_weights_does_not_depend_on_the_dtype_they_load_in(
    tmp_path, dtype
):
    saved(replace(tiny_gpt2(), model=copy.deepcopy(tiny_gpt2().model).to(dtype)), tmp_path)
    hashes = {load_model(str(tmp_path), dtype=as_).sha256 for as_ in (dtype, torch.float32)}
    assert len(hashes) == 1


@pytest.mark.parametrize(("context", "refused"), [(2, True), (3, False), (128, False), (129, True)])
def test_context_lies_between_what_starts_a_text_and_what_the_model_reads(context, refused):
    language = replace(tiny_gpt2())
    language.__dict__["start"] = (256, 256)
    if refused:
        with pytest.raises(SpecError, match=f"between 3 and the 128 tokens .* got {context}"):
            language.context_for(context)
    else:
        assert language.context_for(context) == context


def test_the_usual_context_is_the_models_own_up_to_1024():
    assert tiny_gpt2().context_for(None) == 128
    assert replace(tiny_gpt2(), context=131_072).context_for(None) == 1024
