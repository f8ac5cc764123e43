"""Every point and every budget has its sentence."""

from dataclasses import replace

import pytest

from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.frontier_words import (
    best_at,
    best_words,
    recipe_words,
    replacement,
    verdict,
)
from kvsplice_core.tasks.compared import Compared
from tests.frontier_samples import AGAINST, GAIN, LOSS, TIE, frontier, point
from tests.quality_samples import around, quality


@pytest.mark.parametrize(("change", "said"), [(GAIN, "a gain"), (TIE, "a tie"), (LOSS, "a loss")])
def test_the_verdict_says_what_the_interval_says(change, said):
    text = verdict(point("spline", change=change, reference_bits=2.51), frontier())
    assert f" is {said}: " in text
    assert "against PCA at 2.51 bits" in text
    assert "on the last 25 % of the tokens" in text
    assert text.count(".\n") == 0
    assert text.endswith(".")


def test_a_reference_is_compared_with_nothing():
    assert "which others are compared with" in verdict(point("pca"), frontier())


def test_a_point_below_every_reference_says_so():
    lone = point("joined+lloyd-max", 1.0, change=None, reference=None)
    assert "where plain rounding, groups of 64 does not fit" in verdict(lone, frontier())


def test_surrogate_model_and_replacement_are_added():
    rich = point("spline", surrogate=TIE, quality=quality(0.1, 0.2), against=AGAINST, replaced=2)
    text = verdict(rich, frontier())
    assert "on a Gaussian surrogate +0.10\u00a0% [−0.20\u00a0%, +0.40\u00a0%]" in text
    assert "ΔNLL 0.100 [" in text
    assert "minus the reference's: ΔNLL −0.0200 [−0.0250, −0.0150], KL −0.0100 [" in text
    assert "nats per token, a gain; a simpler" in text
    assert "a simpler pipeline replaced it in 2 of 3 codecs" in text


def test_each_number_is_said_of_the_text_it_was_measured_on():
    result = frontier(split="test documents of the capture; ΔNLL: 10 documents", documents=10)
    text = verdict(point("spline", quality=quality(0.1, 0.2)), result)
    assert "on test documents of the capture; ΔNLL 0.100 [" in text
    assert "over 10 held-out documents" in text


def test_what_was_replaced_is_said_and_only_that():
    assert replacement(point("joined+lloyd-max", replaced=1)).startswith("a simpler pipeline")
    assert replacement(point("joined+lloyd-max")) == ""


def test_measures_that_disagree_make_a_tie_that_says_so():
    against = Compared(around(-0.02, 0.01), around(0.02, 0.01))
    text = verdict(point("spline", quality=quality(0.1, 0.2), against=against), frontier())
    assert text.endswith("nats per token, a tie, for ΔNLL and KL disagree.")


@pytest.mark.parametrize("bits", [1.0, 2.0, 2.5, 3.9, 8.0])
def test_nothing_within_the_budget_is_better_than_the_best(bits):
    result = frontier()
    best = best_at(result, bits)
    fitting = [p for p in result.points if p.bits <= 1.01 * bits]
    assert best.bits <= 1.01 * bits
    assert best.nmse == min(p.nmse for p in fitting)


def test_a_codec_over_the_budget_is_not_within_it():
    heavy = point("joined", 2.5, nmse=1e-6, side_bits=0.2)
    result = frontier()
    result = replace(result, points=(*result.points, heavy))
    assert best_at(result, 2.5) is not heavy
    assert best_at(result, 2.7) is heavy


def test_the_best_by_another_measure_may_be_another():
    costs = {"pca": 0.1, "joined+lloyd-max": 0.3}
    points = [point(key, quality=quality(cost, cost)) for key, cost in costs.items()]
    result = frontier(points=tuple(points))
    assert best_at(result, 2.6, "nll").pipeline == Pipeline.of("pca")
    assert best_at(result, 2.6).pipeline == Pipeline.of("joined+lloyd-max")


def test_the_budget_is_named_with_its_best_or_with_the_least():
    words = best_words(frontier(), 2.5)
    assert words.startswith("best at ≤ 2.5 bits: heads joined · axes of W_O · PCA · Lloyd–Max")
    assert best_words(frontier(), 0.5).endswith("the least is 1.01")


def test_a_recipe_is_named_where_a_transform_learns():
    words = recipe_words(map(Pipeline.of, ("pca", "joined+flow")), Recipe.JOINT)
    assert words == "transforms learnt by recipe joint"
    assert recipe_words([Pipeline.of("joined+lloyd-max")], Recipe.JOINT) == ""
