import pytest
import torch

from kvsplice_core.codec.decoders import features
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.pca import fit_pca
from tests.kvsplice_core.codec.decoders.makers import fitted, planted, squared_error
from tests.kvsplice_core.makers import gaussian_rows


def test_an_exact_quadratic_is_recovered():
    parts = planted(noise=0)
    for kind in (Decoding.QUADRATIC, Decoding.POLYNOMIAL):
        correction = fitted(kind, parts)
        assert squared_error(correction, parts[1]) < 1e-8 * squared_error(None, parts[1])


@pytest.mark.parametrize("rows", [7, 64, 10_000])
def test_chunks_do_not_matter(monkeypatch, rows):
    parts = planted()
    expected = fitted(Decoding.QUADRATIC, parts)
    monkeypatch.setattr(features, "_CHUNK_ROWS", rows)
    ours = fitted(Decoding.QUADRATIC, parts)
    latents = parts[1][0]
    torch.testing.assert_close(ours.apply(latents), expected.apply(latents), rtol=1e-4, atol=1e-4)


def test_fp32_products_lose_nothing(monkeypatch):
    parts = planted(n=9_000, k=10, d=12, noise=0.5)
    fp32 = squared_error(fitted(Decoding.QUADRATIC, parts), parts[1])
    monkeypatch.setattr(features, "_FP32_DEGREE", 0)
    fp64 = squared_error(fitted(Decoding.QUADRATIC, parts), parts[1])
    assert fp32 == pytest.approx(fp64, rel=1e-4)


@pytest.mark.parametrize("kind", [Decoding.QUADRATIC, Decoding.POLYNOMIAL])
def test_a_gaussian_has_no_bend(kind):
    """The null test: of a Gaussian, its leading axes tell nothing of the others."""
    rows = gaussian_rows(4_000, 12)
    projection = fit_pca(rows[:3_000]).projection(5)
    latents = projection.encode(rows)
    residuals = rows - projection.decode(latents)
    parts = (latents[:2_000], residuals[:2_000]), (latents[2_000:], residuals[2_000:])
    assert fitted(kind, parts) is None


def test_all_vectors_count_in_the_end():
    """The validation part chooses, and is then learnt from too."""
    training, validation = planted(n=40, noise=0.5)
    moved = validation[0], validation[1] + 0.01
    ours = fitted(Decoding.QUADRATIC, (training, validation))
    assert not torch.equal(ours.bias, fitted(Decoding.QUADRATIC, (training, moved)).bias)
