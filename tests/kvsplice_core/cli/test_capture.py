"""``kvsplice capture`` writes a file the other commands read, and nothing when it cannot."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.capture import KeyState, Sides
from kvsplice_core.data.capture_file import open_capture
from tests.language_models import some_documents, tiny_gpt2, tiny_llama


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Return a folder that holds the tiny models and a folder of texts."""
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("models")
    logging.disable_progress_bar()
    for language in (tiny_gpt2(), tiny_llama()):
        language.model.save_pretrained(folder / language.name)
        language.tokenizer.save_pretrained(folder / language.name)
    (folder / "texts").mkdir()
    for document in some_documents():
        (folder / "texts" / f"{document.name}.txt").write_text(document.text)
    return folder


def test_what_was_asked_for_is_in_the_file(kvsplice, models, tmp_path):
    out = tmp_path / "x.safetensors"
    outcome = kvsplice(
        *("capture", models / "tiny-llama", "--text", models / "texts", "--tokens", "300"),
        *("--kv", "both", "--layers", "1", "--before-rotary", "--dtype", "bfloat16"),
        *("--attention", "--context", "40", "--device", "cpu", "--threads", "1", "--out", out),
    )
    assert outcome.status == 0
    assert outcome.err == ""
    facts = open_capture(out).facts
    assert (facts.layers, facts.sides, facts.dtype) == ((1,), Sides.BOTH, "bfloat16")
    assert (facts.key_state, facts.attention, facts.context) == (KeyState.BEFORE, True, 40)
    assert facts.tokens == 300
    assert f"saved {out}: " in outcome.out
    assert "KiB" in outcome.out
    assert "300 tokens of 4 documents in " in outcome.out
    assert "tokens per second" in outcome.out


@pytest.fixture
def captured(kvsplice, models, tmp_path):
    out = tmp_path / "x.safetensors"
    texts = models / "texts"
    outcome = kvsplice(
        "capture", models / "tiny-gpt2", "--kv", "both", "--text", texts, "--out", out
    )
    assert outcome.status == 0
    return out


def test_info_tells_what_it_holds(kvsplice, captured):
    out = kvsplice("info", captured).out
    assert "tiny-gpt2, 2 layers of 4 KV heads of 16" in out
    assert "documents: 4, 1600 tokens in windows of 128: document-0 (400 tokens)" in out
    assert "K: the model has no rotary embedding" in out
    assert "layers.0.v" in out
    assert "attention" not in out


def test_a_sweep_reads_it(kvsplice, captured):
    outcome = kvsplice("sweep", captured, "--methods", "pca", "--ks", "4", "--device", "cpu")
    assert outcome.status == 0
    assert "1600 vectors of 16 dimensions" in outcome.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--before-rotary"], "needs K among the sides; got v alone"),
        (["--kv", "k", "--before-rotary"], "needs a model with rotary embedding"),
        (["--layers", "0-2"], "layers must lie in 0 … 1; got 2"),
        (["--layers", "a"], "layers must be numbers and ranges such as 0-8,16,32; got 'a'"),
        (["--tokens", "15"], "token budget must be at least 16; got 15"),
        (["--context", "1"], "context must be at least 2; got 1"),
        (["--context", "999"], "reads; got 999"),
        (["--text", "no-such.txt"], "no-such.txt must be a readable text file"),
        (["--device", "abacus"], "abacus"),
        (["--out", "x.pt"], "--out must name a file ending in .safetensors"),
    ],
)
def test_bad_wishes_leave_nothing(kvsplice, models, tmp_path, options, words):
    usual = ["--text", models / "texts", "--out", tmp_path / "x.safetensors"]
    error = kvsplice("capture", models / "tiny-gpt2", *usual, *options).error
    assert words in error
    assert list(tmp_path.iterdir()) == []


def test_a_model_not_at_hand(kvsplice, models, tmp_path):
    out = tmp_path / "x.safetensors"
    error = kvsplice("capture", tmp_path, "--text", models / "texts", "--out", out).error
    assert "must hold config.json" in error


def test_text_is_required_for_a_model_of_ones_own(kvsplice, models, tmp_path):
    error = kvsplice("capture", models / "tiny-gpt2", "--out", tmp_path / "x.safetensors").error
    assert "text is required for the model" in error


def test_ctrl_c_leaves_nothing(kvsplice, models, tmp_path, monkeypatch):
    from kvsplice_core.language.writer import RowWriter

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(RowWriter, "write", interrupted)
    out = tmp_path / "x.safetensors"
    outcome = kvsplice("capture", models / "tiny-gpt2", "--text", models / "texts", "--out", out)
    assert outcome.status == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize(("sign", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_killed_process_leaves_nothing(models, tmp_path, sign, status):
    if signal.getsignal(sign) is signal.SIG_IGN:
        pytest.skip("the tests were started to ignore this signal, and so is what they start")
    process, folder = long_capture(models, tmp_path)
    process.send_signal(sign)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert error == b""
    assert list(folder.iterdir()) == []


def long_capture(models, tmp_path):
    """Start a capture and wait until it writes; return the process and the folder."""
    text = tmp_path / "long.txt"
    text.write_text(some_documents(1, 300_000)[0].text)
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "kvsplice_core", "capture", str(models / "tiny-llama")]
    options = ["--text", str(text), "--tokens", "300000", "--context", "16"]
    process = subprocess.Popen(
        [*command, *options, "--out", str(folder / "x.safetensors")], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not (folder.exists() and any(folder.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process, folder


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_what_a_process_killed_outright_leaves_is_no_file_of_vectors(models, tmp_path):
    process, folder = long_capture(models, tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    for path in folder.iterdir():
        with pytest.raises(DataError, match="must end in one of"):
            open_capture(path)
