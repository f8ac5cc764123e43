"""A capture holds what the cache holds, and is written whole or not at all."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from transformers.cache_utils import DynamicCache

from kvsplice_core.base.errors import DataError, KVSpliceError, LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec, KeyState, Sides
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.texts import Document, text_hash, tokenise
from tests.kvsplice_core.language.families import FAMILIES, SLIDING_WINDOW, tiny_gemma3
from tests.language_models import (
    CONTEXT,
    language_model,
    some_documents,
    starting_with_end,
    tiny_gpt2,
    tiny_llama,
)

DOCUMENTS = some_documents()
NAMES = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)


def cached_layers(language, tokens):
    """Return (K, V), each (tokens, kv_heads, head_dim), of every layer."""
    cache = DynamicCache()
    with torch.no_grad():
        language.model(tokens[None], past_key_values=cache)
    return [
        (layer.keys[0].transpose(0, 1), layer.values[0].transpose(0, 1)) for layer in cache.layers
    ]


def windows(language, shares, context):
    """Yield (first row, tokens) of every window, found independently of the capture."""
    row = 0
    for document, share in zip(DOCUMENTS, shares, strict=True):
        for part in tokenise(language, document)[:share].split(context):
            yield row, part
            row += len(part)


@NAMES
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_it_holds_what_the_cache_holds(tmp_path, family, dtype):
    language, path = family(), tmp_path / "x.safetensors"
    spec = CaptureSpec(tokens=500, sides=Sides.BOTH, dtype=dtype, context=48)
    facts = run(capture_vectors(language, DOCUMENTS, spec, path)).facts
    held = load_file(path)
    assert set(held) == {f"layers.{i}.{side}" for i in range(2) for side in "kv"}
    rows = 0
    for row, tokens in windows(language, [span.tokens for span in facts.documents], 48):
        for i, layer in enumerate(cached_layers(language, tokens)):
            for side, x in zip("kv", layer, strict=True):
                got = held[f"layers.{i}.{side}"][row : row + len(tokens)]
                assert torch.equal(got, x.to(getattr(torch, dtype)))
        rows = row + len(tokens)
    assert rows == facts.tokens == 500
    assert facts.dtype == dtype


def test_every_window_begins_as_the_tokenizer_begins_a_text(tmp_path):
    language, path = starting_with_end(), tmp_path / "x.safetensors"
    spec = CaptureSpec(tokens=70, attention=True, context=33)
    run(capture_vectors(language, DOCUMENTS[:1], spec, path))
    tokens, held = tokenise(language, DOCUMENTS[0])[:70], load_file(path)
    for part, rows in zip(tokens.split(32), held["layers.1.v"].split(32), strict=True):
        _, values = cached_layers(language, torch.cat([torch.tensor([256]), part]))[1]
        assert torch.equal(rows, values[1:].half())
    assert held["layers.1.attention"].shape == (70, 4)


def test_a_sliding_layer_keeps_every_token(tmp_path):
    language, path = tiny_gemma3(), tmp_path / "x.safetensors"
    run(capture_vectors(language, DOCUMENTS[:1], CaptureSpec(tokens=100, context=100), path))
    tokens = tokenise(language, DOCUMENTS[0])[:100]
    cache = DynamicCache(config=language.model.config)
    with torch.no_grad():
        language.model(tokens[None], past_key_values=cache)
    newest = cache.layers[0].values[0].transpose(0, 1)
    assert len(newest) < SLIDING_WINDOW
    held = load_file(path)["layers.0.v"]
    assert len(held) == 100
    assert torch.equal(held[-len(newest) :], newest.half())


def test_it_says_what_it_holds(llama_capture):
    facts = llama_capture.facts
    assert facts.model == tiny_llama().facts
    assert facts.text_sha256 == text_hash(DOCUMENTS)
    assert [span.name for span in facts.documents] == [one.name for one in DOCUMENTS]
    assert [span.sha256 for span in facts.documents] == [one.sha256 for one in DOCUMENTS]
    assert facts.boundaries == (200, 400, 600)
    assert (facts.layers, facts.sides, facts.context) == ((0, 1), Sides.BOTH, 64)
    assert facts.key_state is KeyState.AFTER
    assert "transformers" in facts.versions


@pytest.mark.parametrize(
    ("language", "sides", "state"),
    [
        (tiny_gpt2, Sides.BOTH, KeyState.NONE),
        (tiny_llama, Sides.V, KeyState.NONE),
        (tiny_llama, Sides.K, KeyState.AFTER),
    ],
)
def test_the_state_of_k(tmp_path, language, sides, state):
    spec = CaptureSpec(tokens=64, sides=sides)
    result = run(capture_vectors(language(), DOCUMENTS, spec, tmp_path / "x.safetensors"))
    assert result.facts.key_state is state


def test_only_the_wished_layers(tmp_path):
    path = tmp_path / "x.safetensors"
    result = run(
        capture_vectors(tiny_gpt2(), DOCUMENTS, CaptureSpec(tokens=64, layers=(1, 1)), path)
    )
    assert set(load_file(path)) == {"layers.1.v"}
    assert result.facts.layers == (1,)
    assert result.file_bytes == path.stat().st_size


def test_progress_grows_to_the_end(tmp_path):
    steps = []
    spec = CaptureSpec(tokens=700, context=50)
    run(capture_vectors(tiny_gpt2(), DOCUMENTS, spec, tmp_path / "x.safetensors"), steps.append)
    done = [step.fraction for step in steps]
    assert done == sorted(done)
    assert steps[-1].fraction == 1
    assert steps[-1].text == f"{DOCUMENTS[-1].name} · 700 of 700 tokens"
    assert {step.text.split(" · ")[0] for step in steps} == {one.name for one in DOCUMENTS}


def test_a_closed_capture_leaves_nothing(tmp_path):
    folder = tmp_path / "new"
    work = capture_vectors(
        tiny_gpt2(), DOCUMENTS, CaptureSpec(context=32), folder / "x.safetensors"
    )
    while next(work).fraction == 0:
        pass
    assert any(folder.iterdir())
    work.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_a_model_that_fails_midway_leaves_the_old_file(tmp_path, monkeypatch, error):
    language, path = tiny_gpt2(), tmp_path / "x.safetensors"
    path.write_bytes(b"older")
    calls = iter(range(3))
    forward = type(language.model.base_model).forward

    def failing(*args, **kwargs):
        if next(calls, None) is None:
            raise error
        return forward(*args, **kwargs)

    monkeypatch.setattr(type(language.model.base_model), "forward", failing)
    with pytest.raises(type(error)):
        run(capture_vectors(language, DOCUMENTS, CaptureSpec(context=32, attention=True), path))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"older"
    assert language.model.config._attn_implementation == "sdpa"


def scaled(factor):
    """Return a GPT-2 of one layer whose V is `factor` times as large."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=257, n_layer=1, n_head=2, n_embd=16, n_positions=CONTEXT)
    language = language_model(GPT2LMHeadModel, config, "tiny")
    language.model.transformer.h[0].attn.c_attn.weight[:, 32:] *= factor
    return language


def test_numbers_too_large_for_float16(tmp_path):
    language, path = scaled(1e6), tmp_path / "x.safetensors"
    with pytest.raises(LanguageModelError, match=r"V of layer 0 reaches .*bfloat16") as caught:
        run(capture_vectors(language, DOCUMENTS, CaptureSpec(tokens=64), path))
    assert str(caught.value).count(".") <= 2  # one sentence, perhaps a decimal point
    assert list(tmp_path.iterdir()) == []
    run(capture_vectors(language, DOCUMENTS, CaptureSpec(tokens=64, dtype="bfloat16"), path))
    assert float(open_capture(path).values("v", 0).rows.abs().max()) > 65504


def test_a_broken_model(tmp_path):
    with pytest.raises(LanguageModelError, match="V of layer 0 has NaN or infinity"):
        run(
            capture_vectors(
                scaled(float("nan")), DOCUMENTS, CaptureSpec(), tmp_path / "x.safetensors"
            )
        )


@pytest.mark.parametrize(
    ("documents", "spec", "name", "error", "words"),
    [
        ((), {}, "x.safetensors", DataError, "at least one document; got none"),
        ((Document("a", "short"),), {}, "x.safetensors", DataError, "at least 16 tokens; got 5"),
        (DOCUMENTS, {}, "x.pt", SpecError, "saved as a .safetensors file; got .*x.pt"),
        (DOCUMENTS, {"layers": (0, 2)}, "x.safetensors", SpecError, "lie in 0 … 1; got 2"),
        (DOCUMENTS, {"context": 129}, "x.safetensors", SpecError, "the 128 tokens.*got 129"),
    ],
)
def test_bad_wishes(tmp_path, documents, spec, name, error, words):
    with pytest.raises(error, match=words):
        run(capture_vectors(tiny_gpt2(), documents, CaptureSpec(**spec), tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KVSpliceError, match="cannot write"):
        run(
            capture_vectors(
                tiny_gpt2(), DOCUMENTS, CaptureSpec(), tmp_path / "file" / "x.safetensors"
            )
        )


def test_a_layer_without_a_cache_of_its_own(tmp_path):
    language = tiny_gpt2()
    more = replace(language, shape=replace(language.shape, layers=3))
    with pytest.raises(LanguageModelError, match="in tiny-gpt2 layer 2 does not"):
        run(capture_vectors(more, DOCUMENTS, CaptureSpec(), tmp_path / "x.safetensors"))
