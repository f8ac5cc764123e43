"""Measured bytes are those of the tensors; measured decoding is told as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.cache.measuring import measure_memory
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.measure import COMPRESSED, DENSE, FOLDED, MeasureSpec
from tests.kvsplice_core.cache.cards import MODELS, SIDES, card_of, method_card
from tests.language_models import tiny_gpt2, tiny_llama

QUICK = MeasureSpec(tokens=(10, 40, 100), decode_tokens=40, steps=2, turns=1)


@pytest.fixture(params=MODELS)
def language(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("sides", SIDES)
def test_measured_bytes_are_the_formula_s(language, sides, windowed):
    spec = replace(QUICK, windowed=windowed, batch=2)
    found = run(measure_memory(language, card_of(language, sides, 5), spec))
    assert [point.tokens for point in found.points] == [10, 40, 100]
    for point in found.points:
        assert point.dense == point.formula_dense
        assert point.compressed == point.formula
        assert (point.compressed.raw > 0) == windowed
    assert found.compresses == {"v": "V", "k": "K", "both": "V and K"}[sides]
    assert any("agree to the byte" in sentence for sentence in found.verdict)


def test_decoding_takes_turns_and_tells_its_progress(language):
    work = measure_memory(language, card_of(language, "v", 4), replace(QUICK, turns=3))
    steps = []
    found = run(work, steps.append)
    assert [cost.cache for cost in found.costs] == [DENSE, COMPRESSED, FOLDED]
    for cost in found.costs:
        assert 0 < cost.fastest_s <= cost.token_s <= cost.slowest_s
        assert cost.peak_bytes > cost.held_bytes > 0
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert tuple(step.found for step in steps if step.found) == found.points
    assert language.model.config._attn_implementation == "sdpa"


def test_the_peak_counts_what_a_layer_restores():
    language = tiny_gpt2()
    spec = replace(QUICK, decode_tokens=110)
    found = run(measure_memory(language, card_of(language, "both", 2), spec))
    restored = 110 * 4 * 16 * 4  # K̂ or V̂ of one layer
    dense, compressed, folded = (cost.peak_bytes - cost.held_bytes for cost in found.costs)
    assert compressed > 2 * restored
    assert restored < folded < 1.5 * restored
    assert restored < dense < 1.5 * restored  # the copy by which a layer grows


def test_a_card_that_cannot_be_folded_says_why():
    language = tiny_gpt2()
    found = run(measure_memory(language, method_card(language, Method.SPLINE, 4), QUICK))
    assert found.cost(FOLDED) is None
    assert "transform" in found.why_not_folded
    assert any("cannot be folded" in sentence for sentence in found.verdict)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (MeasureSpec(tokens=(64, 129)), "128 tokens at most; got 129"),
        (MeasureSpec(decode_tokens=125, steps=8), "128 tokens at most; got 133"),
    ],
)
def test_more_tokens_than_the_model_reads_are_refused(spec, words):
    language = tiny_gpt2()
    with pytest.raises(SpecError, match=words):
        run(measure_memory(language, card_of(language, "v", 4), spec))


def test_a_card_of_another_model_is_refused():
    with pytest.raises(LanguageModelError, match="the card is for"):
        run(measure_memory(tiny_gpt2(), card_of(tiny_llama(), "v", 4), QUICK))
