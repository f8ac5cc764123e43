"""A curve measures every method at every k, point by point, against PCA at the same k."""

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.data.capture import KeyState, Sides
from kvsplice_core.fit.card import CardSpec, fit_card
from kvsplice_core.proof import curve as curves
from kvsplice_core.proof.curve import bytes_per_token, quality_curve
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.tasks.curve import CurveSpec
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.proof.fakes import never_read, plant
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

EVALUATION = EvalSpec(tokens=200, tensor_tokens=100, continuation_tokens=0)
SPEC = CurveSpec(
    methods=(Method.SPLINE,),
    ks=(4, 10),
    calibration=CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu"),
    evaluation=EVALUATION,
)


def measured(language, captures, spec=SPEC, on_step=None):
    work = quality_curve(language, captures[language.name], some_documents(2, 300), spec)
    return run(work, on_step)


@pytest.mark.grid(strength=1)
@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
@pytest.mark.parametrize("side", ["v", "k", "both"])
def test_a_curve_has_every_point(make, side, captures):
    steps = []
    result = measured(make(), captures, replace(SPEC, side=side, first_k=10), steps.append)
    assert result.is_valid
    wanted = [(k, method) for k in (4, 10) for method in (Method.PCA, Method.SPLINE)]
    assert [(point.k, point.method) for point in result.points] == wanted
    told = [step.found.points for step in steps if step.found is not None]
    for count, points in enumerate(told, start=1):
        assert {(p.k, p.method) for p in points} == set((wanted[2:] + wanted[:2])[:count])
    assert len(told) == 4
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert len(result.audit) == 2 * 5


@pytest.fixture(scope="module")
def curve(captures):
    """The curve of the GPT-2, and the steps it told of."""
    steps = []
    return measured(tiny_gpt2(), captures, on_step=steps.append), steps


def test_a_point_is_what_an_evaluation_of_its_card_gives(curve, captures):
    language, (result, _) = tiny_gpt2(), curve
    spec = CardSpec(SPEC.at(Method.PCA, 4), sides=Sides.V, budget=SPEC.budget)
    card = run(fit_card(captures[language.name], spec))
    alone = run(evaluate(language, card, some_documents(2, 300), EVALUATION))
    point = result.point(Method.PCA, 4)
    assert point.quality == alone.quality
    assert point.mse == pytest.approx(sum(head.mse for head in alone.heads) / len(alone.heads))


def test_more_kept_costs_less_and_more_bytes(curve):
    result, _ = curve
    few, many = (result.point(Method.PCA, k) for k in (4, 10))
    assert few.quality.kl.value > many.quality.kl.value
    assert few.output_error > many.output_error
    # 2 layers of 4 heads at fp16: K dense, V in k numbers.
    assert (few.bytes_per_token, many.bytes_per_token) == (16 * (16 + 4), 16 * (16 + 10))


def test_methods_are_compared_with_pca_at_the_same_k(curve):
    result, _ = curve
    for point in result.points:
        if point.method is Method.PCA:
            assert point.against_pca is None
            continue
        pca = result.point(Method.PCA, point.k)
        difference = point.quality.delta_nll.value - pca.quality.delta_nll.value
        assert point.against_pca.value == pytest.approx(difference, abs=1e-12)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_origin_learns_each_transform_once(recipe, captures, monkeypatch):
    given = []

    def watched(capture, spec, reuse=None):
        given.append(reuse)
        return fit_card(capture, spec, reuse)

    monkeypatch.setattr(curves, "fit_card", watched)
    calibration = replace(SPEC.calibration, recipe=recipe)
    measured(tiny_gpt2(), captures, replace(SPEC, calibration=calibration))
    assert [reuse is None for reuse in given] == [True, True, False, False]


def test_a_k_beyond_head_dim_is_left_out(captures):
    result = measured(tiny_gpt2(), captures, replace(SPEC, methods=(Method.PCA,), ks=(4, 64)))
    assert {point.k for point in result.points} == {4}


def test_only_ks_beyond_head_dim_are_refused(captures):
    with pytest.raises(SpecError, match="at most head_dim 16; got 32 and more"):
        measured(tiny_gpt2(), captures, replace(SPEC, ks=(32, 64)))


def test_a_capture_of_other_weights_is_refused(captures):
    work = quality_curve(tiny_gpt2(), captures["tiny-llama"], some_documents(2), SPEC)
    with pytest.raises(LanguageModelError, match="only the weights it was made with"):
        next(work)


def test_keys_before_rotary_are_refused_before_anything_is_calibrated(captures):
    language = tiny_llama()
    capture = captures[language.name]
    before = replace(capture, facts=replace(capture.facts, key_state=KeyState.BEFORE))
    work = quality_curve(language, before, some_documents(2), replace(SPEC, side="k"))
    with pytest.raises(LanguageModelError, match="after its rotary embedding"):
        next(work)


def test_a_failed_control_makes_the_curve_invalid_and_is_told_from_then_on(captures, monkeypatch):
    plant(monkeypatch, never_read)
    steps = []
    assert not measured(tiny_gpt2(), captures, on_step=steps.append).is_valid
    failing = [step.found is not None and not step.found.is_valid for step in steps]
    first = failing.index(True)
    assert failing == [False] * first + [True] * (len(steps) - first)
    assert steps[first].found.points == ()  # told before the first point is
    assert {"reads", "rank-one"} <= {control.key for control in steps[-1].found.failed}


def test_an_honest_curve_tells_of_no_failure(curve):
    _, steps = curve
    assert all(step.found.failed == () for step in steps if step.found is not None)


def test_a_cache_that_cheats_at_a_later_k_is_exposed(captures, monkeypatch):
    def honest_at_first(model, card, *, mode, window):
        k = max(k for codecs in card.values.values() for k in codecs.ks)
        make = never_read if k == 10 else cache_for
        return make(model, card, mode=mode, window=window)

    plant(monkeypatch, honest_at_first)
    result = measured(tiny_gpt2(), captures)
    failed = [control for control in result.audit if not control.passed]
    assert {control.key for control in failed} == {"reads"}
    assert all("k 10" in control.claim for control in failed)


def test_bytes_of_a_card_with_dense_layers():
    card = pca_card(tiny_gpt2(), 4, keys=True)
    card = replace(card, values={0: card.values[0]}, keys={1: card.keys[1]})
    assert bytes_per_token(card) == 2 * 4 * (4 + 16 + 16 + 4)
