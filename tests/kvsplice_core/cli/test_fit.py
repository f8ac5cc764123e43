"""``kvsplice fit`` saves a codec that works, and says how well."""

import pytest
import torch

from kvsplice_core.codec.codec_file import load_codec
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.vectors import load_values

QUICK = ("--epochs", "1", "--device", "cpu")


@pytest.mark.parametrize("method", [method.key for method in Method])
def test_the_saved_codec_gives_the_printed_error(kvsplice, vectors, tmp_path, method):
    path = tmp_path / "codec.safetensors"
    outcome = kvsplice("fit", vectors, "--method", method, "--k", "3", *QUICK, "--out", path)
    assert outcome.status == 0
    assert f"saved {path}" in outcome.out
    codec = load_codec(path)
    _, test = load_values(vectors).split(0.75)
    latent = codec.encode(test)
    assert latent.shape == (len(test), 3)
    mse = torch.mean((codec.decode(latent) - test).double() ** 2)
    assert f"test MSE {mse:#.3g} at k 3" in outcome.out


def test_it_says_what_was_kept_and_the_change(kvsplice, vectors, tmp_path):
    path = tmp_path / "codec.safetensors"
    outcome = kvsplice("fit", vectors, "--k", "2", *QUICK, "--out", path)
    assert any(f"kept {method.key}\n" in outcome.out for method in (Method.PCA, Method.SPLINE))
    assert "against PCA" in outcome.out


def test_pca_is_not_compared_with_itself(kvsplice, vectors, tmp_path):
    path = tmp_path / "codec.safetensors"
    outcome = kvsplice("fit", vectors, "--method", "pca", "--k", "2", "--out", path)
    assert "against PCA" not in outcome.out


def test_k_above_d_leaves_no_file(kvsplice, vectors, tmp_path):
    path = tmp_path / "codec.safetensors"
    assert kvsplice("fit", vectors, "--k", "7", "--out", path).status == 2
    assert not path.exists()


def test_another_suffix_is_refused(kvsplice, vectors, tmp_path):
    error = kvsplice("fit", vectors, "--k", "2", "--out", tmp_path / "codec.pt").error
    assert "--out must name a file ending in .safetensors" in error
