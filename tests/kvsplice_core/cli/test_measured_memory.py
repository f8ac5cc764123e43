"""``kvsplice memory --measure`` prints what a real cache holds and costs."""

import pytest

from kvsplice_core.codec.card_file import save_card
from tests.language_models import pca_card, tiny_gpt2, tiny_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_gpt2().model.save_pretrained(folder)
    tiny_gpt2().tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "card.safetensors"
    save_card(pca_card(tiny_gpt2(), 4), path)
    return path


def measure(kvsplice, model, card, *options):
    return kvsplice("memory", model, "--measure", "--card", card, "--device", "cpu", *options)


def test_measured_stands_beside_the_formula(kvsplice, model, card):
    outcome = measure(kvsplice, model, card)
    assert outcome.status == 0
    rows = [" ".join(line.split()) for line in outcome.out.splitlines()]
    # 2 layers × 4 heads × 128 tokens × 4 B: K and V of 16, V of 4; codecs of 16 · 4 + 16 numbers.
    assert "128 dense 64.0 KiB 64.0 KiB — — 128 KiB 128 KiB" in rows
    assert "compressed 64.0 KiB 16.0 KiB — 2.50 KiB 82.5 KiB 82.5 KiB 1.55×" in rows
    assert "agree to the byte with the formula" in outcome.out
    assert "pays from 7 tokens on" in outcome.out


def test_decoding_is_told_with_its_verdict(kvsplice, model, card):
    out = measure(kvsplice, model, card, "--tokens", "40").out
    assert "decoding behind 32 tokens" in out
    starts = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert {"dense", "compressed", "folded", "Compressed", "Folded"} <= starts
    assert "peak memory" in out


def test_a_window_and_half_precision(kvsplice, model, card):
    options = ("--mode", "window", "--dtype", "bf16", "--batch", "2", "--tokens", "100")
    out = measure(kvsplice, model, card, *options).out
    assert "bfloat16, cpu, batch 2" in out
    assert "34.0 KiB" in out  # raw: 2 · 4 · 16 · (4 + 64) · 2 · 2 B
    assert "a window keeps raw V beside the latents" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--measure"], "--card FILE; none was given"),
        (["--card", "c.safetensors"], "add --measure"),
        (["--measure", "--card", "c.safetensors"], "there is no file c.safetensors"),
        (["--measure", "--card", "c.safetensors", "--k", "4"], "--k belongs to the formula"),
        (["--measure", "--card", "c.safetensors", "--latent-dtype", "fp16"], "--latent-dtype"),
        (["--measure", "--card", "c.safetensors", "--dtype", "int8"], "got --dtype int8"),
    ],
)
def test_bad_input_is_one_line(kvsplice, model, options, words):
    assert words in kvsplice("memory", model, *options).error


def test_more_tokens_than_the_model_reads(kvsplice, model, card):
    error = measure(kvsplice, model, card, "--tokens", "129").error
    assert "128 tokens at most; got 129" in error


def test_a_card_of_another_model(kvsplice, model, tmp_path):
    path = tmp_path / "llama.safetensors"
    save_card(pca_card(tiny_llama(), 4), path)
    assert "the card is for 2 layers of 2 heads" in measure(kvsplice, model, path).error
