"""One model is held, as long as nothing about it changes."""

import os

import pytest

from kvsplice_core.language import models
from kvsplice_gui.work import held_model as module
from kvsplice_gui.work.held_model import held_model


@pytest.fixture
def loads(monkeypatch):
    found = []

    def load(name, *, device, dtype):
        found.append((name, device, str(dtype)))
        assert module._held == {}  # the last one has gone
        return object()

    monkeypatch.setattr(models, "load_model", load)
    monkeypatch.setattr(module, "_held", {})
    return found


def test_the_last_model_is_taken_as_it_is(loads):
    first = held_model("gpt2-mini", "cpu")
    assert held_model("gpt2-mini", "cpu") is first
    assert loads == [("gpt2-mini", "cpu", "torch.float32")]


def test_another_name_or_dtype_takes_its_place(loads):
    first = held_model("gpt2-mini", "cpu")
    assert held_model("gpt2-mini", "cpu", "bfloat16") is not first
    assert held_model("gpt2-mini", "cpu") is not first
    held_model("gpt2", "cpu")
    assert len(loads) == 4
    assert len(module._held) == 1


def test_a_folder_that_was_written_again_is_loaded_again(loads, tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"1")
    first = held_model(str(tmp_path), "cpu")
    assert held_model(str(tmp_path), "cpu") is first
    later = weights.stat().st_mtime_ns + 5_000_000_000
    os.utime(weights, ns=(later, later))
    assert held_model(str(tmp_path), "cpu") is not first
