"""``kvsplice eval`` answers with numbers, or with the control that failed."""

import json

import pytest

from kvsplice_core.codec.card_file import load_card, save_card
from kvsplice_core.codec.provenance import Provenance
from tests.kvsplice_core.proof.fakes import FAKES
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

QUICK = ("--tokens", "200", "--device", "cpu")


def saved(language, folder):
    language.model.save_pretrained(folder)
    language.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return saved(tiny_gpt2(), tmp_path_factory.mktemp("model"))


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "card.safetensors"
    save_card(pca_card(tiny_gpt2(), 8), path)
    return path


@pytest.fixture
def texts(tmp_path):
    paths = [tmp_path / f"{document.name}.txt" for document in some_documents(3)]
    for path, document in zip(paths, some_documents(3), strict=True):
        path.write_text(document.text, encoding="utf-8")
    return paths


def test_the_answer_holds_every_part(kvsplice, model, card, texts):
    outcome = kvsplice("eval", model, "--card", card, "--text", *texts, *QUICK)
    assert outcome.status == 0
    for part in ("perplexity, this card", "ΔNLL", "KL", "RMS Δp", "same top token", "95 %"):
        assert part in outcome.out
    assert "cache after" in outcome.out
    assert "weighted MSE" in outcome.out
    assert "greedy continuation" in outcome.out
    assert outcome.out.count("passed") == 5
    assert "FAILED" not in outcome.out


def test_the_divergence_is_marked_in_both_lines(kvsplice, model, card, texts):
    out = kvsplice("eval", model, "--card", card, "--text", *texts, *QUICK).out
    dense, ours = (
        next(line for line in out.splitlines() if line.startswith(name))
        for name in ("dense ", "card ")
    )
    assert dense.count("▶") == ours.count("▶") == 1
    assert dense[8 : dense.index("▶")] == ours[8 : ours.index("▶")]


def test_json_holds_the_whole_evaluation(kvsplice, model, card, texts, tmp_path):
    out = tmp_path / "new" / "eval.json"
    options = ("--mode", "window", "--window", "20", "--seed", "3", "--sensitivity", "--json", out)
    outcome = kvsplice("eval", model, "--card", card, "--text", *texts, *QUICK, *options)
    assert outcome.status == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["valid"] is True
    assert (found["spec"]["mode"], found["spec"]["window"], found["spec"]["seed"]) == (
        "window", 20, 3,
    )  # fmt: skip
    assert len(found["sensitivity"]["kl"]["v"]) == 2
    assert all(len(head["ranks"]) == 4 for head in found["heads"])
    assert "KL alone" in outcome.out


@pytest.mark.grid(strength=0)
@pytest.mark.parametrize("name", FAKES)
def test_a_failed_control_takes_the_place_of_the_numbers(
    kvsplice, model, card, texts, tmp_path, monkeypatch, name
):
    import kvsplice_core.proof.tasks as evaluation

    honest, fake = evaluation.evaluate, FAKES[name]
    monkeypatch.setattr(evaluation, "evaluate", lambda *given: honest(*given, make_cache=fake))
    before, out = card.read_bytes(), tmp_path / "eval.json"
    options = (*QUICK, "--json", out, "--record")
    outcome = kvsplice("eval", model, "--card", card, "--text", *texts, *options)
    assert outcome.status == 3
    assert "FAILED" in outcome.out
    assert "attention reads" in outcome.out
    assert "perplexity" not in outcome.out
    assert "passed" not in outcome.out
    assert json.loads(out.read_text(encoding="utf-8"))["valid"] is False
    assert card.read_bytes() == before


def test_an_evaluation_is_recorded_in_the_card(kvsplice, model, card, texts):
    for count in (1, 2):
        kvsplice("eval", model, "--card", card, "--text", *texts, *QUICK, "--record")
        proofs = load_card(card).proofs
        assert len(proofs) == count
        assert proofs[-1]["valid"] is True
        assert proofs[-1]["quality"]["kl"]["value"] > 0


def test_without_record_the_card_stays_as_it_was(kvsplice, model, card, texts):
    before = card.read_bytes()
    kvsplice("eval", model, "--card", card, "--text", *texts, *QUICK)
    assert card.read_bytes() == before


def test_a_card_of_another_model_is_one_sentence(kvsplice, card, texts, tmp_path):
    other = saved(tiny_llama(), tmp_path / "other")
    outcome = kvsplice("eval", other, "--card", card, "--text", *texts, *QUICK)
    assert "fits only the weights it was made for" in outcome.error


def test_a_model_without_held_out_text_asks_for_it(kvsplice, model, card):
    assert "text is required" in kvsplice("eval", model, "--card", card, *QUICK).error


def test_one_document_is_told_to_be_one(kvsplice, model, card, texts):
    outcome = kvsplice("eval", model, "--card", card, "--text", texts[0], *QUICK)
    assert "one document" in outcome.err


def test_the_codecs_own_text_is_told(kvsplice, model, texts, tmp_path):
    from dataclasses import replace

    from kvsplice_core.language.texts import read_documents, text_hash

    own = tmp_path / "own.safetensors"
    made = Provenance(text_sha256=text_hash(read_documents(texts)))
    save_card(replace(pca_card(tiny_gpt2(), 8), provenance=made), own)
    outcome = kvsplice("eval", model, "--card", own, "--text", *texts, *QUICK)
    assert "calibrated on" in outcome.err


def test_a_single_document_of_the_codecs_own_is_told(kvsplice, model, texts, tmp_path):
    from dataclasses import replace

    from kvsplice_core.language.texts import read_documents

    own, out = tmp_path / "own.safetensors", tmp_path / "eval.json"
    known = (read_documents(texts)[1].sha256, "0" * 64)
    save_card(replace(pca_card(tiny_gpt2(), 8), provenance=Provenance(document_sha256=known)), own)
    options = (*QUICK, "--json", out, "--record")
    outcome = kvsplice("eval", model, "--card", own, "--text", *texts, *options)
    assert outcome.status == 0
    assert "not held out: the codecs were calibrated on document-1, so" in outcome.err
    assert json.loads(out.read_text(encoding="utf-8"))["leaked_documents"] == ["document-1"]
    assert load_card(own).proofs[-1]["leaked_documents"] == ["document-1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--json", "eval.txt"), "--json"),
        (("--tokens", "1"), "tokens to score must be at least 2"),
        (("--context", "1"), "context must be at least 2"),
        (("--seed", "-1"), "seed"),
    ],
)
def test_bad_options_are_told_before_the_model_is_loaded(kvsplice, card, options, words):
    assert words in kvsplice("eval", "nowhere", "--card", card, *options).error
