"""``kvsplice info`` shows every tensor and how its axes are read."""

import numpy as np
import pytest

from kvsplice_core.codec.card_file import save_card
from kvsplice_core.data.samples import SAMPLES
from kvsplice_core.data.vectors import describe
from tests.language_models import pca_card, tiny_gpt2


@pytest.mark.parametrize("name", SAMPLES)
def test_every_tensor_of_a_sample_is_shown(kvsplice, name):
    outcome = kvsplice("info", name)
    assert outcome.status == 0
    for tensor in describe(name):
        (line,) = (line for line in outcome.out.splitlines() if tensor.name in line)
        assert " × ".join(map(str, tensor.shape)) in line
        assert tensor.dtype in line


def test_layers_and_heads_are_counted(kvsplice, tmp_path):
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((3, 1, 2, 40, 8), dtype=np.float16))
    line = kvsplice("info", path).out.splitlines()[-1]
    assert "0 … 2" in line
    assert "3 × 1 × 2 × 40 × 8" in line


def test_a_card_tells_what_it_is(kvsplice, tmp_path):
    path = tmp_path / "card.safetensors"
    save_card(pca_card(tiny_gpt2(), 4), path)
    outcome = kvsplice("info", path)
    assert outcome.status == 0
    assert "card: PCA k = 4, V" in outcome.out
    assert "evaluations recorded in it: 0" in outcome.out


@pytest.mark.parametrize("command", ["sweep", "fit"])
def test_a_card_is_no_file_of_vectors(kvsplice, tmp_path, command):
    path = tmp_path / "card.safetensors"
    save_card(pca_card(tiny_gpt2(), 4), path)
    options = ("--out", tmp_path / "x.safetensors") if command == "fit" else ()
    outcome = kvsplice(command, path, *options)
    assert outcome.status == 2
    assert "must hold vectors; it holds a card" in outcome.err
