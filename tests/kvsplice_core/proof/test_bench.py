"""A bench is set up once, and no card is scored on it without its controls."""

from dataclasses import replace
from itertools import product

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.proof.bench import Bench, Measured, Probe
from kvsplice_core.proof.scoring import dense_log_probs
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.kvsplice_core.proof.fakes import FAKES, as_the_last_of, never_read
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

SPEC = EvalSpec(tokens=300, tensor_tokens=100)
HELD_OUT = some_documents(2)
AUDIT = ["identity", "rank-one", "random-basis", "chunks", "reads"]


def bench_of(language, make_cache=cache_for, **changes):
    return Bench(language, HELD_OUT, replace(SPEC, **changes), make_cache)


def keys(controls):
    return [control.key for control in controls]


def failed(controls):
    return [control.key for control in controls if not control.passed]


def test_the_first_card_of_a_series_is_audited_and_every_card_is_watched():
    bench = bench_of(tiny_gpt2())
    for k, series in product((4, 8), ("a", "b")):
        found = run(bench.measure(pca_card(tiny_gpt2(), k), f"{series} {k}", series))
        assert keys(found.controls) == (AUDIT if k == 4 else ["reads"])
        assert failed(found.controls) == []
    assert keys(bench.controls) == 2 * AUDIT
    assert {control.claim.split(":")[0] for control in bench.controls} == {"a 4", "b 4"}
    assert bench.failed == ()


@pytest.mark.parametrize("mode", ["strict", "window"])
@pytest.mark.parametrize("name", FAKES)
def test_what_a_fake_scores_comes_with_a_control_that_failed(mode, name):
    language = tiny_gpt2()
    bench = bench_of(language, FAKES[name], mode=mode, window=8)
    card = pca_card(language, 8)
    assert "reads" in failed(run(bench.measure(card, "first", "all")).controls)
    later = run(bench.measure(card, "later", "all")).controls
    fakes_one_pass = name not in ("originals after the prefill", "originals on decoding")
    assert failed(later) == (["reads"] if fakes_one_pass else [])
    assert {"first", *(["later"] if fakes_one_pass else [])} == {
        control.claim.split(":")[0] for control in bench.failed
    }


def test_one_dishonest_pass_stays_with_its_name():
    language, makers = tiny_gpt2(), [never_read]
    bench = bench_of(language, as_the_last_of(makers))
    card = pca_card(language, 8)
    first = run(bench.score(card, "all"))
    makers.append(cache_for)
    second = run(bench.score(card, "all"))
    assert failed(first.controls) == failed(second.controls) == failed(bench.controls) == ["reads"]
    assert failed(run(bench.score(card, "another")).controls) == []


def test_whatever_scores_a_card_hands_out_controls():
    bench, card = bench_of(tiny_gpt2()), pca_card(tiny_gpt2(), 8)
    for work in (bench.score(card, "a"), bench.measure(card, "b", "b")):
        found = run(work)
        assert isinstance(found, Measured)
        assert keys(found.controls)[-1] == "reads"


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_dense_predictions_are_computed_once(make, monkeypatch):
    language, read = make(), []

    def counted(language, ids):
        read.append(ids)
        return dense_log_probs(language, ids)

    monkeypatch.setattr("kvsplice_core.proof.scoring.dense_log_probs", counted)
    bench = bench_of(language)
    for k in (4, 8):
        run(bench.measure(pca_card(language, k), str(k), series=k))
    assert len(read) == len({tuple(ids[0].tolist()) for ids in read})


def test_it_yields_as_many_steps_as_it_says():
    bench, card = bench_of(tiny_gpt2()), pca_card(tiny_gpt2(), 8)
    for _ in range(2):  # the second is not audited
        wanted = bench.steps("a")
        assert len(list(bench.measure(card, "a", "a"))) == wanted
    assert wanted == len(bench.windows)


def test_it_knows_its_text():
    bench = bench_of(tiny_gpt2(), context=64)
    assert (bench.documents, bench.context) == (2, 64)
    assert bench.tokens == sum(window.tokens - 1 for window in bench.windows)
    assert len(run(bench.heads(pca_card(tiny_gpt2(), 8)))) == 2 * 4


def test_what_leaves_nothing_compressed_is_refused_at_once():
    with pytest.raises(SpecError, match="stay raw"):
        bench_of(tiny_gpt2(), mode="window", window=1_000)
    Probe(tiny_gpt2(), HELD_OUT, replace(SPEC, mode="window", window=1_000))


def test_a_shared_codec_is_tried_by_the_head_or_whole():
    language, card = tiny_gpt2(), pca_card(tiny_gpt2(), 4)
    pooled = replace(card, values={1: HeadCodecs(card.values[1].codecs[:1], card.values[1].heads)})
    probe, whole = Probe(language, HELD_OUT, SPEC), Bench(language, HELD_OUT, SPEC)
    head = run(probe.alone(pooled, ("v", 1, 0)))
    both = run(probe.alone(pooled, ("v", 1, 0), whole_codec=True))
    assert 0 < head.kl < both.kl
    assert both == run(whole.score(pooled, "whole")).scores


def test_a_codec_of_one_head_is_whole_with_it():
    language, card = tiny_gpt2(), pca_card(tiny_gpt2(), 4)
    probe = Probe(language, HELD_OUT, SPEC)
    by_head = [run(probe.alone(card, ("v", 0, head))).kl for head in range(4)]
    whole = [run(probe.alone(card, ("v", 0, head), whole_codec=True)).kl for head in range(4)]
    assert by_head == whole
    assert len(set(by_head)) == 4
