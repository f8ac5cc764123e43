"""``kvsplice solve`` shares a budget, or says why it cannot."""

import csv
import json

import pytest
from safetensors.torch import save_file

from kvsplice_core.codec.card_file import load_card
from kvsplice_core.codec.codec_file import load_codec
from tests.kvsplice_core.proof.fakes import never_read, plant
from tests.language_models import some_documents, tiny_llama

QUICK = ("--tokens", "200", "--device", "cpu", "--pipeline", "joined+companded")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a model, its texts and a capture that names the model's folder."""
    from kvsplice_core.cli import main

    folder = tmp_path_factory.mktemp("solve")
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


def test_a_capture_becomes_a_card(kvsplice, place, tmp_path):
    files = {name: tmp_path / f"s.{name}" for name in ("safetensors", "csv", "json")}
    outs = ("--out", files["safetensors"], "--csv", files["csv"], "--json", files["json"])
    capture = place / "capture.safetensors"
    outcome = kvsplice("solve", capture, "--bits", "4", *held_out(place), *QUICK, *outs)
    assert outcome.status == 0
    assert outcome.err.count("measured 4 bits") == 2
    assert "checked on" in outcome.out
    assert "document-2, document-3" in outcome.out
    assert "measured on the text that checks" in outcome.err
    assert "chosen on the text it is reported on" in outcome.err
    card = load_card(files["safetensors"])
    with files["csv"].open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["bits"]) for row in rows] == [score.bits for score in card.scores]
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    assert document["valid"] is True
    assert document["bits"]["v"] <= 4


def test_documents_enough_choose_by_one_half_and_report_the_other(kvsplice, place, tmp_path):
    for document in some_documents(8)[4:]:
        (tmp_path / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    texts = ("--text", *sorted(tmp_path.glob("*.txt")))
    capture, json_ = place / "capture.safetensors", tmp_path / "s.json"
    outcome = kvsplice("solve", capture, "--bits", "4", *texts, *QUICK, "--json", json_)
    assert outcome.status == 0
    assert "chosen on 2 documents" in outcome.out
    assert "on the 2 documents that had no part in the choice" in outcome.out
    assert "chosen on the text it is reported on" not in outcome.err
    choice = json.loads(json_.read_text(encoding="utf-8"))["choice"]
    assert choice["chosen_on"] == ["document-4", "document-6"]
    assert choice["reported_on"] == ["document-5", "document-7"]


def test_a_model_is_captured_first(kvsplice, place):
    text = ("--calibration-text", place / "document-0.txt", place / "document-1.txt")
    outcome = kvsplice("solve", place / "model", "--bits", "4", *text, *held_out(place), *QUICK)
    assert outcome.status == 0
    assert "sensitivities on document-0, document-1" in outcome.out
    assert "measured on the text that checks" not in outcome.err


def test_a_failed_control_takes_the_place_of_the_answer(kvsplice, place, tmp_path, monkeypatch):
    plant(monkeypatch, never_read)
    outs = ("--out", tmp_path / "card.safetensors", "--csv", tmp_path / "s.csv")
    capture = place / "capture.safetensors"
    outcome = kvsplice("solve", capture, "--bits", "4", *held_out(place), *QUICK, *outs)
    assert outcome.status == 3
    assert "FAILED" in outcome.out
    assert "by sensitivity" not in outcome.out
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def vectors(tmp_path):
    import torch

    rows = torch.randn(600, 2, 16, generator=torch.Generator().manual_seed(0))
    save_file({"v": rows}, tmp_path / "v.safetensors", {"axes": '{"v": "token head dim"}'})
    return tmp_path / "v.safetensors"


VECTORS = ("--device", "cpu", "--axes", "token head dim")


def test_vectors_become_a_codec(kvsplice, vectors, tmp_path):
    out, words = tmp_path / "codec.safetensors", ("--pipeline", "joined+companded")
    outcome = kvsplice("solve", vectors, "--bits", "4", *VECTORS, *words, "--out", out)
    assert outcome.status == 0
    assert "NMSE" in outcome.out
    assert load_codec(out).dim == 32


def test_heads_of_vectors_are_compared_with_the_same_for_all(kvsplice, vectors):
    outcome = kvsplice("solve", vectors, "--bits", "4", *VECTORS, "--pipeline", "companded")
    assert outcome.status == 0
    assert "against the same for all" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--bits", "0.1", "--pipeline", "joined+companded"), "at least"),
        (("--max-dnll", "0.1"), "they need --bits alone"),
        (("--bits", "4", "--csv", "s.csv"), "need a capture or a model"),
        (("--bits", "4", "--pipeline", "companded", "--out", "c.safetensors"), "makes 2"),
        (("--bits", "4", "--pipeline", "joined+nothing"), "must be one of"),
        (("--bits", "4", "--max-dnll", "0.1"), "got both"),
        ((), "got neither"),
    ],
)
def test_what_cannot_be_solved_is_one_sentence(kvsplice, vectors, arguments, words):
    outcome = kvsplice("solve", vectors, *VECTORS, *arguments)
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
