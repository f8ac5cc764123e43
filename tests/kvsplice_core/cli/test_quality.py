"""``kvsplice quality`` draws up the curve, or says which control failed."""

import csv
import json
from itertools import chain

import pytest

from tests.kvsplice_core.proof.fakes import never_read, plant
from tests.language_models import some_documents, tiny_llama

QUICK = ("--tokens", "200", "--device", "cpu", "--epochs", "1", "--methods", "pca,spline")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a model, its texts and a capture that names the model's folder."""
    from kvsplice_core.cli import main

    folder = tmp_path_factory.mktemp("quality")
    language = tiny_llama()
    language.model.save_pretrained(folder / "model")
    language.tokenizer.save_pretrained(folder / "model")
    for document in some_documents(4):
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    text = [str(folder / f"document-{i}.txt") for i in (0, 1)]
    out = ["--tokens", "500", "--device", "cpu", "--out", str(folder / "capture.safetensors")]
    assert main(["capture", str(folder / "model"), "--text", *text, *out]) == 0
    return folder


def held_out(place):
    return ("--text", place / "document-2.txt", place / "document-3.txt")


def test_the_table_has_a_line_for_each_method_and_k(kvsplice, place, tmp_path):
    files = ("--csv", tmp_path / "q.csv", "--json", tmp_path / "q.json")
    capture = place / "capture.safetensors"
    outcome = kvsplice("quality", capture, "--ks", "4,8", *held_out(place), *QUICK, *files)
    assert outcome.status == 0
    assert outcome.err.count("measured PCA k") == 2
    lines = [line.split() for line in outcome.out.splitlines()]
    found = [line[:2] for line in lines if line and line[0] in ("4", "8")]
    assert found == [[k, label] for k in "48" for label in ("PCA", "Spline→PCA")]
    assert sum(line.count("passed") for line in lines) == 10
    with (tmp_path / "q.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 4
    assert json.loads((tmp_path / "q.json").read_text(encoding="utf-8"))["valid"] is True


def test_a_failed_control_takes_the_place_of_the_curve(kvsplice, place, tmp_path, monkeypatch):
    plant(monkeypatch, never_read)
    files = ("--csv", tmp_path / "q.csv", "--json", tmp_path / "q.json")
    capture = place / "capture.safetensors"
    outcome = kvsplice("quality", capture, "--ks", "8", *held_out(place), *QUICK, *files)
    assert outcome.status == 3
    assert "FAILED" in outcome.out
    assert "ΔNLL minus" not in outcome.out
    assert "measured PCA k 8" not in outcome.err
    assert not (tmp_path / "q.csv").exists()
    assert json.loads((tmp_path / "q.json").read_text(encoding="utf-8"))["valid"] is False


def test_ks_beyond_the_model_are_told(kvsplice, place):
    capture = place / "capture.safetensors"
    outcome = kvsplice("quality", capture, "--ks", "4,32", *held_out(place), *QUICK)
    assert "k 32 left out: head_dim is 16" in outcome.err


def test_a_side_the_capture_lacks_is_one_sentence(kvsplice, place):
    capture = place / "capture.safetensors"
    options = ("--ks", "4", "--side", "k", *held_out(place), *QUICK)
    assert "the capture must hold k" in kvsplice("quality", capture, *options).error


@pytest.mark.parametrize(
    "options", [("--csv", "q.txt"), ("--json", "q.csv"), ("--tokens", "1"), ("--ks", "0")]
)
def test_bad_options_are_told_at_once(kvsplice, place, options):
    outcome = kvsplice("quality", place / "nowhere.safetensors", *chain(options))
    assert options[0].strip("-") in outcome.error


def test_an_interrupt_keeps_the_finished_points(kvsplice, place, tmp_path, monkeypatch):
    from kvsplice_core.proof.curve import _Curve

    whole, measured = _Curve.measure, []

    def interrupted(self, method, k):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append((method, k))
        yield from whole(self, method, k)

    monkeypatch.setattr(_Curve, "measure", interrupted)
    capture, target = place / "capture.safetensors", tmp_path / "q.csv"
    options = ("--ks", "4,8", *held_out(place), *QUICK, "--csv", target)
    outcome = kvsplice("quality", capture, *options)
    assert outcome.status == 130
    assert "interrupted after 2 points" in outcome.err
    with target.open(encoding="utf-8", newline="") as stream:
        rows = [(row["method"], row["k"]) for row in csv.DictReader(stream)]
    assert len(rows) == 2
    assert {k for _, k in rows} == {"4"}


def test_the_seed_of_the_codecs_does_not_draw_the_intervals(kvsplice, place, tmp_path):
    capture, found = place / "capture.safetensors", []
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.csv"
        options = ("--ks", "4", "--methods", "pca", "--tokens", "200", "--seed", seed)
        kvsplice("quality", capture, *options, *held_out(place), "--csv", target)
        found.append(target.read_text(encoding="utf-8"))
    assert found[0] == found[1]
