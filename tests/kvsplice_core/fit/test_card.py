"""Cards fitted from a capture: every layer and head, on documents kept apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.transforms.spline import Spline
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.fit.card import CardSpec, fit_card
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.tasks.training import CalibrationSpec
from tests.language_models import some_documents, tiny_gpt2, tiny_llama

PCA = CalibrationSpec(method=Method.PCA, k=4, device="cpu")


@pytest.fixture(scope="module")
def gpt2_capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("capture") / "both.safetensors"
    spec = CaptureSpec(tokens=1600, sides=Sides.BOTH)
    run(capture_vectors(tiny_gpt2(), some_documents(8), spec, path))
    return open_capture(path)


def test_a_card_has_a_codec_for_every_layer_and_head_and_names_its_data(gpt2_capture):
    card = run(fit_card(gpt2_capture, CardSpec(PCA, Sides.BOTH)))
    assert {layer: codecs.ks for layer, codecs in card.values.items()} == {0: (4,) * 4, 1: (4,) * 4}
    assert card.keys.keys() == {0, 1}
    places = [(score.side, score.layer, score.head) for score in card.scores]
    assert len(set(places)) == len(places) == 16
    assert card.model == tiny_gpt2().facts
    assert card.provenance.capture_sha256 == gpt2_capture.sha256
    assert card.provenance.documents == tuple(f"document-{i}" for i in range(8))
    assert card.provenance.document_sha256 == tuple(one.sha256 for one in some_documents(8))


def test_a_card_says_what_its_transforms_are(gpt2_capture):
    kind = {
        "curve": Curve.SMOOTH,
        "knot_placement": KnotPlacement.UNIFORM,
        "axes": Axes.WHITENED,
        "coupling": CouplingKind.RATIONAL_QUADRATIC,
    }
    card = run(fit_card(gpt2_capture, CardSpec(replace(PCA, **kind), layers=(0,))))
    said = card.provenance.training
    assert {name: said[name] for name in kind} == {n: c.value for n, c in kind.items()}


def test_pca_of_a_head_is_fitted_on_the_training_documents_alone(gpt2_capture):
    card = run(fit_card(gpt2_capture, CardSpec(PCA)))
    values = gpt2_capture.values("v", 1, 2, budget=10_000, seed=PCA.seed)
    train, test = values.split(PCA.train_fraction)
    assert len(train) in values.boundaries
    expected = fit_pca(train).projection(4)
    torch.testing.assert_close(card.values[1].of(2).projection.encoder, expected.encoder)
    missed = test - expected.decode(expected.encode(test))
    score = next(s for s in card.scores if (s.layer, s.head) == (1, 2))
    assert score.mse == pytest.approx(float((missed.double() ** 2).mean()), rel=1e-5)
    assert score.mse == score.mse_pca


def test_pooled_heads_share_one_codec(gpt2_capture):
    card = run(fit_card(gpt2_capture, CardSpec(PCA, pool_heads=True, layers=(1,))))
    assert [len(codecs.codecs) for codecs in card.values.values()] == [1]
    assert [score.head for score in card.scores] == [None]


def test_the_transform_learnt_once_by_origin_serves_another_k(gpt2_capture):
    spec = replace(PCA, method=Method.SPLINE, recipe=Recipe.ORIGIN, epochs=1, k_train=4)
    first = run(fit_card(gpt2_capture, CardSpec(spec)))
    steps = []
    again = run(fit_card(gpt2_capture, CardSpec(replace(spec, k=8)), reuse=first), steps.append)
    assert not any("epoch" in step.text for step in steps)
    for layer, codecs in again.values.items():
        assert codecs.ks == (8,) * 4
        mine, theirs = (card.values[layer].of(0).transform for card in (again, first))
        assert isinstance(mine, Spline)
        assert torch.equal(mine.slopes, theirs.slopes)


def test_progress_rises_to_one_and_every_codec_is_told(gpt2_capture):
    steps = []
    run(fit_card(gpt2_capture, CardSpec(PCA)), steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert sum(step.found is not None for step in steps) == 8


def test_grouped_query_heads_get_one_codec_each(tmp_path):
    run(
        capture_vectors(
            tiny_llama(), some_documents(), CaptureSpec(tokens=800), tmp_path / "c.safetensors"
        )
    )
    card = run(fit_card(open_capture(tmp_path / "c.safetensors"), CardSpec(PCA)))
    assert [codecs.heads for codecs in card.values.values()] == [2, 2]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (CardSpec(PCA, layers=(0, 7)), r"layers must be among \[0, 1\] of the capture; got \[7\]"),
        (CardSpec(replace(PCA, k=17)), "k must lie between 1 and the dimension 16; got 17"),
    ],
)
def test_what_the_capture_cannot_give_is_refused(gpt2_capture, spec, sentence):
    with pytest.raises(SpecError, match=sentence):
        run(fit_card(gpt2_capture, spec))


def test_k_of_a_capture_of_v_is_refused(tmp_path):
    run(
        capture_vectors(
            tiny_gpt2(), some_documents(2), CaptureSpec(tokens=100), tmp_path / "v.safetensors"
        )
    )
    with pytest.raises(SpecError, match="must hold k to compress it; it holds v"):
        run(fit_card(open_capture(tmp_path / "v.safetensors"), CardSpec(PCA, Sides.K)))
