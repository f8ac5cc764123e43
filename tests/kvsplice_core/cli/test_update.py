"""``kvsplice update`` goes on with a saved codec, and says what it found."""

import numpy as np
import pytest

from kvsplice_core import load_codec, save_codec
from kvsplice_core.codec.codec_file import load_history


@pytest.fixture
def codec(kvsplice, vectors, tmp_path):
    path = tmp_path / "codec.safetensors"
    assert kvsplice("fit", vectors, "--method", "pca", "--k", "2", "--out", path).status == 0
    return path


@pytest.fixture
def later(tmp_path):
    """Return a file of 128 vectors most of whose variance lies elsewhere."""
    path = tmp_path / "later.npy"
    rows = np.random.default_rng(1).standard_normal((128, 6)) * [1, 1, 1, 1, 9, 9]
    np.save(path, rows.astype(np.float32))
    return path


def test_the_updated_codec_is_saved_with_its_history(kvsplice, codec, later, tmp_path):
    out = tmp_path / "updated.safetensors"
    outcome = kvsplice("update", codec, later, "--out", out, "--device", "cpu")
    assert outcome.status == 0
    assert f"saved {out}" in outcome.out
    assert "The geometry drifted by" in outcome.out
    assert "kept updated" in outcome.out
    assert load_history(out).moments.count == 192 + 96
    updated = load_codec(out)
    assert float((updated.projection.encoder[4:] ** 2).sum()) == pytest.approx(2, abs=0.1)
    again = kvsplice("update", out, later, "--out", out, "--forget", "0.5")
    assert again.status == 0
    assert load_history(out).moments.count == (192 + 96) / 2 + 96


def test_a_codec_without_a_history_is_refused(kvsplice, codec, later, tmp_path):
    save_codec(load_codec(codec), codec)
    out = tmp_path / "updated.safetensors"
    assert "fit it again" in kvsplice("update", codec, later, "--out", out).error
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--forget", "2"), "between 0 and 1"),
        (("--out", "codec.pt"), "ending in .safetensors"),
        (("--device", "tpu"), "device must be one of"),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(kvsplice, options, says):
    options = options if "--out" in options else (*options, "--out", "out.safetensors")
    assert says in kvsplice("update", "absent.safetensors", "absent.npy", *options).error
