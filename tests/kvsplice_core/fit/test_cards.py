"""A card says of its codecs what was fitted and what was counted."""

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.codec.card_file import load_card, save_card
from kvsplice_core.codec.kinds import Axes, Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.fit.card import card_of
from kvsplice_core.fit.layer import LayerValues
from kvsplice_core.fit.layers import Fitter
from kvsplice_core.fit.provenance import calibration_of, training_of
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.tasks.training import CalibrationSpec
from tests.language_models import some_documents, tiny_gpt2

CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu")


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("cards") / "capture.safetensors"
    run(capture_vectors(tiny_gpt2(), some_documents(), CaptureSpec(600, Sides.BOTH), path))
    return open_capture(path)


def made(capture, words, sides="v", **notes):
    places = [(side, layer) for side in sides for layer in capture.facts.layers]
    layers = {place: LayerValues(capture.values(*place)) for place in places}
    fitter = Fitter(layers, Pipeline.of(words), CALIBRATION)
    fits = run(fitter.fit_evenly(4.0))
    return fits, card_of(capture, fits, fitter.pipeline, CALIBRATION, notes=notes)


@pytest.mark.parametrize(
    ("words", "heads"),
    [
        ("joined+companded", [None]),
        ("blocks:2+companded", [0, 2]),
        ("companded", [0, 1, 2, 3]),
        ("pooled+companded", [None]),
    ],
)
def test_a_score_for_every_codec(capture, words, heads):
    fits, card = made(capture, words)
    assert [score.head for score in card.scores] == heads * 2
    groups = [group for fit in fits.values() for group in fit.groups]
    for score, group in zip(card.scores, groups, strict=True):
        assert score.bits == group.counted.total
        assert score.mse == pytest.approx(group.errors.mean() / group.codec.dim)


@pytest.mark.parametrize("words", ["joined+companded", "spline+companded", "quadratic"])
def test_scores_say_the_pipeline_asked_and_what_was_kept(capture, words, tmp_path):
    fits, card = made(capture, words)
    groups = [group for fit in fits.values() for group in fit.groups]
    assert {score.method for score in card.scores} == {words}
    assert [score.kept for score in card.scores] == [group.kept.key for group in groups]
    replaced = [score.kept for score in card.scores if score.kept != score.method]
    assert list(card.provenance.replaced.values()) == replaced
    many = f"(simpler in {len(replaced)} of {len(groups)} codecs)"
    assert (many in card.title) == bool(replaced)
    save_card(card, tmp_path / "card.safetensors")
    assert load_card(tmp_path / "card.safetensors").scores == card.scores


def test_card_and_codec_say_the_same_of_the_calibration(capture):
    fits, card = made(capture, "whitened+spline+companded")
    asked = calibration_of(Pipeline.of("whitened+spline+companded"), CALIBRATION)
    assert asked.axes is Axes.WHITENED
    codecs = (group.codec for fit in fits.values() for group in fit.groups)
    for one in (card, *codecs):
        assert training_of(one.provenance) == replace(asked, knots=7)


@pytest.mark.parametrize("sides", ["v", "k", "vk"])
def test_sides_that_were_not_fitted_stay_dense(capture, sides):
    _, card = made(capture, "joined+companded", sides)
    assert (len(card.values), len(card.keys)) == (2 * ("v" in sides), 2 * ("k" in sides))
    assert set(card.provenance.bits) == set(sides)
    assert all(side.upper() in card.title for side in sides)


def test_where_it_comes_from_survives_a_file(capture, tmp_path):
    _, card = made(capture, "joined+companded", probes=["a"])
    save_card(card, tmp_path / "card.safetensors")
    again = load_card(tmp_path / "card.safetensors")
    assert again.provenance == card.provenance
    assert again.provenance.pipeline == "joined+companded"
    assert again.provenance.capture_sha256 == capture.sha256
    assert again.provenance.notes["probes"] == ["a"]
    assert again.is_quantized


def test_a_card_of_nothing_is_refused(capture):
    with pytest.raises(SpecError, match="at least one layer"):
        card_of(capture, {}, Pipeline.of("joined"), CALIBRATION)
