"""The solver shares a budget by what each codec costs, and checks it through the cache."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.codec.card_file import load_card, save_card
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import KeyState, Sides
from kvsplice_core.language.texts import text_hash
from kvsplice_core.proof import solve as solving
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.scoring import TextScores
from kvsplice_core.proof.solve import solve
from kvsplice_core.report.solve_table import solve_csv, solve_json
from kvsplice_core.report.solve_words import solve_caveats
from kvsplice_core.tasks.evaluate import DocumentScore, EvalSpec
from kvsplice_core.tasks.solve import SolveSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests import solve_samples
from tests.kvsplice_core.proof.fakes import as_the_last_of, never_read, plant
from tests.language_models import some_documents, tiny_gpt2, tiny_llama

CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu")
SPEC = SolveSpec(
    pipeline=Pipeline.of("joined+companded"),
    bits=4.0,
    calibration=CALIBRATION,
    evaluation=EvalSpec(tokens=200, tensor_tokens=100),
    probe_tokens=100,
)
HELD_OUT = some_documents(2, 300)


def solved(captures, on_step=None, make=tiny_gpt2, probes=(), **changes):
    language = make()
    work = solve(language, captures[language.name], HELD_OUT, replace(SPEC, **changes), probes)
    return run(work, on_step)


@pytest.fixture(scope="module")
def solution(captures):
    return solved(captures, probes=some_documents(4)[2:])


def test_the_budget_is_kept_with_everything_counted(solution):
    result = solution.result
    for trial in result.trials:
        assert trial.bits <= 4.0
    assert result.bits["v"] == pytest.approx(np.mean([share.bits for share in result.shares]))
    kept = result.even if result.kept_even else result.solved
    assert result.bits["v"] == pytest.approx(kept.bits)


@pytest.mark.slow
def test_the_card_is_what_was_measured(solution, captures):
    result, language = solution.result, tiny_gpt2()
    again = run(evaluate(language, solution.card, HELD_OUT, result.evaluation.spec))
    kept = result.even if result.kept_even else result.solved
    assert again.quality == kept.quality == result.evaluation.quality
    assert result.is_valid
    assert solution.card.provenance.capture_sha256 == captures[language.name].sha256


def test_the_card_is_saved_with_its_proof_and_read_again(solution, tmp_path):
    save_card(solution.card, tmp_path / "card.safetensors")
    card = load_card(tmp_path / "card.safetensors")
    assert card.title == solution.card.title
    assert [score.bits for score in card.scores] == [s.bits for s in solution.result.shares]
    assert card.proofs[0]["text_sha256"] == text_hash(HELD_OUT)
    assert card.proofs[0]["leaked_documents"] == []


@pytest.mark.slow
def test_progress_rises_and_tells_of_each_trial(captures, solution):
    steps = []
    result = solved(captures, steps.append).result
    assert result.probed_on_checked  # no text of its own for sensitivities
    assert not solution.result.probed_on_checked
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert tuple(step.found for step in steps if step.found) == result.trials
    assert result.trials == (result.solved, result.even)


@pytest.mark.slow
def test_the_map_holds_every_head(captures):
    result = solved(captures, pipeline=Pipeline.of("companded")).result
    found = result.head_map("v")
    assert found.shape == (2, 4)
    assert found.mean() == pytest.approx(result.bits["v"])
    assert len({share.heads for share in result.shares}) == 4
    assert np.isnan(result.head_map("k")).all()


def test_another_budget_is_mapped_at_once(solution):
    less, more = (solution.result.allotted(bits)["v"] for bits in (3.0, 5.0))
    assert (less <= more).all()
    assert less.mean() == pytest.approx(3.0)


@pytest.mark.slow
@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_keys_have_a_budget_of_their_own(captures, make):
    result = solved(captures, make=make, key_bits=6.0, sides=Sides.BOTH).result
    assert result.bits["v"] <= 4.0 < result.bits["k"] <= 6.0


@pytest.mark.slow
def test_both_sides_may_share_a_budget(captures):
    result = solved(captures, sides=Sides.BOTH).result
    assert sum(result.bits.values()) / 2 <= 4.0
    assert set(result.sides) == {"v", "k"}


def test_a_budget_of_k_keeps_its_map_where_that_of_v_moves():
    spec = SolveSpec(bits=2.5, key_bits=4.0, sides=Sides.BOTH)
    trial = replace(solve_samples.result().solved, budgets=(2.5, 4.0))
    result = solve_samples.result(spec, solved=trial)
    assert (result.budget_of("v"), result.budget_of("k")) == (2.5, 4.0)
    moved = result.allotted(3.0, 4.0)
    assert (moved["v"].mean(), moved["k"].mean()) == pytest.approx((3.0, 4.0))
    assert result.allotted(3.0)["k"].mean() == pytest.approx(3.0)


@pytest.mark.slow
def test_the_fewest_bits_below_a_loss(captures, monkeypatch):
    monkeypatch.setattr(solving, "_HALVINGS", 2)
    loose = solved(captures, bits=None, max_dnll=10.0).result
    assert loose.evaluation.quality.delta_nll.high <= 10.0
    most = max(loose.trials, key=lambda trial: trial.bits)
    bound = max(1e-9, most.quality.delta_nll.high)
    tight = solved(captures, bits=None, max_dnll=bound).result
    assert tight.evaluation.quality.delta_nll.high <= bound
    assert loose.solved.bits <= tight.solved.bits
    assert len(tight.trials) == 4


def test_a_loss_no_budget_keeps_is_refused(captures):
    with pytest.raises(SpecError, match="the largest ΔNLL must be one that"):
        solved(captures, bits=None, max_dnll=1e-12, pipeline=Pipeline.of("joined+rounding"))


def test_a_cache_that_is_never_read_is_exposed(captures, monkeypatch):
    plant(monkeypatch, never_read)
    result = solved(captures).result
    assert not result.is_valid
    assert json.loads(solve_json(result))["valid"] is False


def test_a_cache_that_cheats_in_the_trials_alone_is_exposed(captures, monkeypatch):
    makers, evaluate_on = [never_read], solving.evaluate_on

    def honest_at_last(bench, card):
        makers.append(cache_for)
        return (yield from evaluate_on(bench, card))

    plant(monkeypatch, as_the_last_of(makers))
    monkeypatch.setattr(solving, "evaluate_on", honest_at_last)
    failed = [one for one in solved(captures).result.evaluation.audit if not one.passed]
    assert [(one.key, one.claim.split(":")[0]) for one in failed] == [("reads", "every trial")]


def test_keys_before_rotary_and_other_weights_are_refused(captures):
    language = tiny_llama()
    capture = captures[language.name]
    before = replace(capture, facts=replace(capture.facts, key_state=KeyState.BEFORE))
    with pytest.raises(LanguageModelError, match="after its rotary embedding"):
        next(solve(language, before, HELD_OUT, replace(SPEC, sides=Sides.K)))
    with pytest.raises(LanguageModelError, match="only the weights"):
        next(solve(tiny_gpt2(), capture, HELD_OUT, SPEC))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bits": None}, "neither"),
        ({"max_dnll": 0.1}, "both"),
        ({"bits": 17.0}, "at most 16"),
        ({"bits": None, "max_dnll": 0.0}, "above 0"),
        ({"key_bits": 3.0}, "go with"),
        ({"counted_tokens": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_solved_is_one_sentence(changes, words):
    with pytest.raises(SpecError, match=words):
        replace(SPEC, **changes)


def scores(*nlls, kl=1.0):
    found = (DocumentScore(str(i), 10, 1.0, nll, kl, 5, 0.1) for i, nll in enumerate(nlls))
    return TextScores(tuple(found), ())


def chosen(monkeypatch, captures, ours, theirs):
    """Solve with scores put in place of those that were measured."""
    made = solving.Trials.make

    def scored(self, asked, budgets, even):
        one = yield from made(self, asked, budgets, even)
        return replace(one, scores=theirs if even else ours)

    monkeypatch.setattr(solving.Trials, "make", scored)
    return solved(captures).result


def test_documents_that_chose_are_not_those_that_are_reported_on(monkeypatch, captures):
    # Lower on every other document, higher on the rest: chosen, and reported as what it is.
    ours, theirs = scores(1.0, 9.0, 1.0, 9.0, 1.0, 9.0), scores(*(5.0,) * 6)
    result = chosen(monkeypatch, captures, ours, theirs)
    choice = result.choice
    assert (choice.chosen_on, choice.reported_on) == (("0", "2", "4"), ("1", "3", "5"))
    assert not result.kept_even
    assert (choice.chosen.verdict, choice.reported.verdict) == (Verdict.GAIN, Verdict.LOSS)
    assert choice.quality.nll.value == pytest.approx(0.9)
    assert choice.is_apart


def test_what_only_the_reported_documents_say_chooses_nothing(monkeypatch, captures):
    ours, theirs = scores(9.0, 1.0, 9.0, 1.0), scores(*(5.0,) * 4)
    result = chosen(monkeypatch, captures, ours, theirs)
    assert result.kept_even
    assert result.choice.reported.verdict is Verdict.GAIN
    assert result.choice.quality.nll.value == pytest.approx(0.5)


def test_few_documents_choose_and_are_reported_on(solution):
    choice = solution.result.choice
    assert choice.chosen == choice.reported
    assert not choice.is_apart
    assert any("chosen on the text" in caveat for caveat in solve_caveats(solution.result))
    kept = solution.result.even if solution.result.kept_even else solution.result.solved
    assert choice.quality == kept.quality


def test_tables_hold_what_every_codec_was_given(solution):
    lines = solve_csv(solution.result).splitlines()
    assert lines[0].startswith("side,layer,heads,asked_bits,bits,k,nmse")
    assert len(lines) == 1 + len(solution.result.shares)
    document = json.loads(solve_json(solution.result, ("a",)))
    assert document["valid"] is True
    assert document["leaked_documents"] == ["a"]
    assert {share["kept"] for share in document["shares"]} <= {"joined+companded", "rounding"}
    assert any("chosen on the text" in caveat for caveat in document["caveats"])
    assert "by sensitivity minus the same for all" in document["sentences"][0]
    assert document["spec"]["pipeline"] == "joined+companded"
    assert np.shape(document["bits_of_heads"]["v"]) == (2, 4)
    kept = solution.result.even if solution.result.kept_even else solution.result.solved
    assert document["evaluation"]["quality"]["kl"]["value"] == kept.quality.kl.value
