"""A kind that declares itself in one line is found everywhere."""

import copy
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kvsplice_core import Card, load_card, load_codec, run, save_card, save_codec
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.cache.formula import CacheBytes, cache_bytes, codec_numbers
from kvsplice_core.cli import main
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Decoding, Method, Quantization, Recipe
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.fit.calibrate import calibrate, split_parts
from kvsplice_core.fit.compose import Job, Memo, compose
from kvsplice_core.report.palette import pipeline_style, style_of
from kvsplice_core.tasks.budgets import Budget
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, values_of
from tests.toys import ABSOLUTE, ASINH, BYTES, TOYS, declared

SPEC = CalibrationSpec(ASINH, 2, Recipe.ORIGIN, epochs=1, k_train=2, device="cpu")
ROWS = bent_rows(240, 6)


@pytest.fixture(autouse=True)
def _toys():
    with declared():
        yield


def made(words):
    """Return the codec of a pipeline whether or not it is better than what is simpler."""
    if words == ASINH.key:
        return run(calibrate(values_of(ROWS), SPEC)).codec
    parts = split_parts(values_of(ROWS), SPEC)
    job = Job(parts, Pipeline.of(words), Budget(12.0, 10**6), SPEC, None, Memo())
    return run(compose(job, None))


def test_each_family_knows_its_toy_and_no_longer_afterwards():
    for toy in TOYS:
        family = type(toy)
        assert family.of(toy.key) is toy is getattr(family, toy.name) is list(family)[-1]
    assert toy in Quantization
    with pytest.raises(SpecError, match="one of pca, spline, flow, asinh; got 'wavelet'"):
        Method.of("wavelet")


def test_a_kind_is_one_object_however_it_is_copied():
    for kind in (*Method, *Decoding, *Quantization):
        assert copy.deepcopy(kind) is kind is pickle.loads(pickle.dumps(kind))


@pytest.mark.parametrize("words", ["asinh", "absolute", "bytes", "joined+asinh+absolute+bytes"])
def test_pipelines_have_words_for_it(words):
    pipeline = Pipeline.of(words)
    assert pipeline.key == words
    assert Pipeline.of(f"{words}+raw") == pipeline
    parts = {"asinh": ASINH, "absolute": ABSOLUTE, "bytes": BYTES}
    assert all(kind.label in pipeline.label for key, kind in parts.items() if key in words)
    with pytest.raises(SpecError, match="asinh"):
        Pipeline.of("wavelet")


def test_a_quantizer_takes_the_options_it_names():
    assert Pipeline.of("bytes+rotated").key == "bytes+rotated"
    with pytest.raises(SpecError, match="no-gain are for lloyd-max and companded alone; got bytes"):
        Pipeline.of("bytes+no-gain")


def test_its_look_is_told_apart_from_all_others():
    others = [pipeline_style(pipeline) for pipeline in DEFAULT_PIPELINES]
    toys = [pipeline_style(Pipeline.of(toy.key)) for toy in TOYS]
    colours = {one.colour for one in (*others, *toys)}
    symbols = {one.symbol for one in toys}
    assert (len(colours), len(symbols)) == (len(others) + len(toys), len(toys))
    assert style_of(ASINH).colour not in {style_of(one).colour for one in Method if one != ASINH}


def test_the_formula_weighs_what_a_codec_holds(tmp_path):
    save_codec(made(ASINH.key), tmp_path / "codec.safetensors")
    held = sum(numbers.numel() for numbers in load_file(tmp_path / "codec.safetensors").values())
    assert codec_numbers(ASINH, 6, 2, SPEC.transform) == held
    found = cache_bytes("gpt2", tokens=9, k=16, method=ASINH)
    assert isinstance(found, CacheBytes)
    assert found.side == 4 * 12 * 12 * (2 * 64 * 16 + 2 * 64 + 64)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("asinh", (ASINH, Decoding.LINEAR, None)),
        ("absolute", (Method.PCA, ABSOLUTE, None)),
        ("bytes", (Method.PCA, Decoding.LINEAR, BYTES)),
    ],
)
def test_it_is_fitted_saved_and_loaded(words, kinds, tmp_path):
    codec = made(words)
    assert (codec.method, codec.decoding, codec.quantization) == kinds
    save_codec(codec, tmp_path / "codec.safetensors")
    again = load_codec(tmp_path / "codec.safetensors")
    assert (again.method, again.decoding, again.quantization) == kinds
    assert torch.equal(again.reconstruct(ROWS), codec.reconstruct(ROWS))
    card = Card(ModelFacts("toy", "", 1, 2, 6, False), {0: HeadCodecs((codec,), 2)})
    save_card(card, tmp_path / "card.safetensors")
    kept = load_card(tmp_path / "card.safetensors").values[0].codecs[0]
    assert (kept.method, kept.decoding, kept.quantization) == kinds
    assert torch.equal(kept.reconstruct(ROWS), codec.reconstruct(ROWS))


def test_the_command_line_offers_and_fits_it(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", ROWS.numpy())
    rows, out = str(tmp_path / "rows.npy"), str(tmp_path / "codec.safetensors")
    quick = ["--epochs", "1", "--device", "cpu", "--recipe", "origin"]
    main(["fit", "--help"])
    assert "asinh" in capsys.readouterr().out
    assert main(["fit", rows, "--method", "asinh", "--k", "2", *quick, "--out", out]) == 0
    assert load_codec(out).method is ASINH
    assert main(["sweep", rows, "--methods", "asinh", "--ks", "2", *quick]) == 0
    assert "Asinh→PCA" in capsys.readouterr().out
    words = ["--pipeline", "bytes", "--bits", "14"]
    assert main(["fit", rows, *words, *quick, "--out", out]) == 0
