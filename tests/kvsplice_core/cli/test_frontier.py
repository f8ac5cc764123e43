"""``kvsplice frontier`` and ``kvsplice fit --pipeline``: pipelines named by words."""

import csv
import json

import pytest

from kvsplice_core.codec.card_file import load_card
from kvsplice_core.codec.codec_file import load_codec
from kvsplice_core.codec.kinds import Decoding, Quantization
from kvsplice_core.report.comparison_table import read_csv
from tests.language_models import some_documents, tiny_gpt2

QUICK = ("--tokens", "200", "--device", "cpu")
DATA = ("smollm2-v", "--layer", "15")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a model, texts and a capture that names the model's folder."""
    from kvsplice_core.cli import main

    folder = tmp_path_factory.mktemp("frontier")
    language = tiny_gpt2()
    language.model.save_pretrained(folder / "model")
    language.tokenizer.save_pretrained(folder / "model")
    for document in some_documents(4):
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    text = [str(folder / f"document-{i}.txt") for i in (0, 1)]
    out = ["--tokens", "500", "--device", "cpu", "--out", str(folder / "capture.safetensors")]
    assert main(["capture", str(folder / "model"), "--text", *text, *out]) == 0
    return folder


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_vectors_give_a_table_files_a_figure_and_sentences(kvsplice, tmp_path):
    files = ("--csv", tmp_path / "f.csv", "--json", tmp_path / "f.json", "--figures", tmp_path)
    words = ("--pipelines", "quadratic,joined+lloyd-max", "--bits", "2.5,4")
    outcome = kvsplice("frontier", *DATA, *words, *files)
    assert outcome.status == 0
    found = rows(tmp_path / "f.csv")
    assert list(found[0])[:3] == ["pipeline", "bits", "nmse"]
    assert [row["pipeline"] for row in found] == [
        key for key in ("pca", "rounding", "quadratic", "joined+lloyd-max") for _ in range(2)
    ]
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["bound"]
    assert (tmp_path / "frontier_nmse.png").stat().st_size > 10_000
    assert "is a gain: NMSE" in outcome.out


def test_a_model_is_measured_through_its_cache(kvsplice, place, tmp_path):
    held = ("--text", place / "document-2.txt", place / "document-3.txt")
    words = ("--pipelines", "joined+output", "--bits", "4", "--csv", tmp_path / "f.csv")
    outcome = kvsplice("frontier", place / "capture.safetensors", *words, *held, *QUICK)
    assert outcome.status == 0
    assert "ΔNLL" in outcome.out
    assert {"dnll", "weighted_mse", "output_error"} <= set(rows(tmp_path / "f.csv")[0])


def test_a_model_that_is_named_is_captured_first(kvsplice, place):
    held = ("--text", place / "document-2.txt", place / "document-3.txt")
    learn = ("--calibration-text", place / "document-0.txt", place / "document-1.txt")
    words = ("--pipelines", "joined", "--bits", "4")
    outcome = kvsplice("frontier", place / "model", *words, *learn, *held, *QUICK)
    assert outcome.status == 0
    assert "heads joined · PCA" in outcome.out


@pytest.mark.parametrize("through_model", [False, True])
def test_compare_measures_a_model_where_that_is_asked_for(kvsplice, place, tmp_path, through_model):
    held = ("--text", place / "document-2.txt", place / "document-3.txt")
    words = ("--pipelines", "joined", "--at", "k=8", "--csv", tmp_path / "c.csv")
    asked = ("--through-model", *held) if through_model else ()
    outcome = kvsplice("compare", place / "capture.safetensors", *words, *QUICK, *asked)
    assert outcome.status == 0
    assert ("ΔNLL" in outcome.out) == through_model
    plain, joined = read_csv(tmp_path / "c.csv")
    assert (plain.k, joined.reference) == (8, plain.pipeline)
    assert all((row.quality is not None) == through_model for row in (plain, joined))
    assert (joined.against is not None) == through_model
    assert (joined.weighted_mse is not None) == through_model


def test_a_model_without_a_capture_is_compared_through_it_alone(kvsplice, place):
    refused = kvsplice("compare", place / "model", "--at", "k=8")
    assert refused.error.startswith("a model needs --through-model, or to be captured first")


def test_layers_of_a_capture_can_be_joined_as_vectors_alone(kvsplice, place):
    words = ("--pipelines", "joined", "--bits", "4", "--join-layers", "2", "--device", "cpu")
    outcome = kvsplice("frontier", place / "capture.safetensors", "--vectors-only", *words)
    assert outcome.status == 0
    assert "1 groups of layers" in outcome.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--pipelines", "joined+output"), "needs the W_O of a model"),
        (("--pipelines", "sideways"), "a part of a pipeline must be one of"),
        (("--bits", "none"), "bits per value must be a number"),
        (("--bits", "0"), "above 0"),
        (("--join-layers", "2"), "needs a capture"),
        (("--model", "elsewhere"), "--model needs a whole capture or a model; got vectors"),
        (("--side", "k"), "--side k needs a whole capture or a model; got vectors"),
    ],
)
def test_bad_words_end_with_one_sentence(kvsplice, words, sentence):
    outcome = kvsplice("frontier", *DATA, *words)
    assert outcome.status == 2
    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_layers_joined_cannot_be_read_by_a_cache(kvsplice, place):
    held = ("--text", place / "document-2.txt")
    outcome = kvsplice("frontier", place / "capture.safetensors", "--join-layers", "2", *held)
    assert outcome.status == 2
    assert "no cache can read layers joined" in outcome.err


def test_a_codec_of_a_pipeline_is_saved(kvsplice, tmp_path):
    out = tmp_path / "codec.safetensors"
    words = ("--pipeline", "quadratic", "--bits", "4", "--out", out)
    outcome = kvsplice("fit", *DATA, *words)
    assert outcome.status == 0
    codec = load_codec(out)
    assert (codec.k, codec.decoding) == (16, Decoding.QUADRATIC)


@pytest.mark.parametrize(("asked", "learnt"), [((), "origin"), (("--recipe", "joint"), "joint")])
def test_fit_frontier_and_solve_learn_by_one_recipe_unless_asked_otherwise(
    kvsplice, vectors, tmp_path, asked, learnt
):
    said = f"transforms learnt by recipe {learnt}\n"
    quick = (vectors, "--device", "cpu", "--epochs", "1", *asked)
    fit = ("--pipeline", "spline", "--bits", "4", "--out", tmp_path / "codec.safetensors")
    assert said in kvsplice("fit", *quick, *fit).out
    made = load_codec(tmp_path / "codec.safetensors").provenance
    assert made.training["recipe"] == learnt
    replaced = made.kept != "spline"
    assert ("in place of Spline→PCA" in kvsplice("fit", *quick, *fit).out) == replaced
    table = tmp_path / "f.csv"
    frontier = ("--pipelines", "pca,spline", "--bits", "4", "--csv", table)
    assert said in kvsplice("frontier", *quick, *frontier).out
    assert {row["pipeline"]: row["recipe"] for row in rows(table)} == {"pca": "", "spline": learnt}
    assert said in kvsplice("solve", *quick, "--pipeline", "spline", "--bits", "4").out


def test_a_pipeline_that_learns_no_transform_names_no_recipe(kvsplice, tmp_path):
    words = ("--pipeline", "quadratic", "--bits", "4", "--out", tmp_path / "codec.safetensors")
    assert "recipe" not in kvsplice("fit", *DATA, *words).out


def test_a_card_of_a_pipeline_is_saved(kvsplice, place, tmp_path):
    out = tmp_path / "card.safetensors"
    words = ("--pipeline", "joined+int8", "--bits", "16", "--device", "cpu", "--out", out)
    outcome = kvsplice("fit", place / "capture.safetensors", *words)
    assert outcome.status == 0
    card = load_card(out)
    layer = card.values[0]
    assert (layer.span, layer.codecs[0].quantization) == (4, Quantization.INT8)
    assert "bits per value" in outcome.out
    assert [score.method for score in card.scores] == ["joined+int8"] * 2
    table = outcome.out.splitlines()[2:4]
    assert [line.split()[-1] for line in table] == [score.kept for score in card.scores]


def test_a_pipeline_and_its_bits_go_together(kvsplice, tmp_path):
    outcome = kvsplice("fit", *DATA, "--bits", "4", "--out", tmp_path / "c.safetensors")
    assert outcome.status == 2
    assert "go together" in outcome.err
