"""What results say of themselves."""

import math
from dataclasses import replace

import pytest

from kvsplice_core.errors import SpecError
from kvsplice_core.methods import Method
from kvsplice_core.quality.curve_results import QualityPoint, orders_agree
from kvsplice_core.quality.results import Estimate, HeadErrors, Quality, perplexity
from kvsplice_core.quality.specs import CurveSpec, EvalSpec

SAME = Estimate(1.0, 1.0, 1.0)


def point(method, mse, weighted, output, kl):
    quality = Quality(*[SAME] * 8)
    quality = replace(quality, kl=Estimate(kl, kl, kl))
    return QualityPoint(method, 8, quality, mse, weighted, output, 1, 1, 100)


def test_orders_agree_where_every_error_ranks_alike():
    assert orders_agree([point(Method.PCA, 2, 2, 2, 2), point(Method.SPLINE, 1, 1, 1, 1)])


@pytest.mark.parametrize("place", range(4))
def test_one_error_the_other_way_round_disagrees(place):
    errors = [1.0] * 4
    errors[place] = 3.0
    assert not orders_agree([point(Method.PCA, 2, 2, 2, 2), point(Method.SPLINE, *errors)])


def test_a_tie_agrees_with_any_order():
    nearly = [2.0 * (1 + 1e-6), 2.0 * (1 - 1e-6), 3.0, 2.0]
    assert orders_agree([point(Method.PCA, 2, 2, 2, 2), point(Method.SPLINE, *nearly)])


@pytest.mark.parametrize(
    ("ranks", "disagree"), [((1, 2, 1), False), ((1, 3, 2), True), ((), False)]
)
def test_places_more_than_one_apart_disagree(ranks, disagree):
    assert HeadErrors("v", 0, 0, 1.0, 1.0, 1.0, ranks).disagree is disagree


def test_a_perplexity_beyond_floats_is_infinite():
    assert perplexity(Estimate(0.0, 0.0, 1e6)) == Estimate(1.0, 1.0, math.inf)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "loose"},
        {"window": 0},
        {"tokens": 1},
        {"context": 1},
        {"seed": -1},
        {"tensor_tokens": 0},
        {"continuation_tokens": -1},
    ],
)
def test_an_impossible_evaluation_is_refused(wrong):
    with pytest.raises(SpecError, match="got"):
        EvalSpec(**wrong)


def test_a_curve_always_has_pca_and_begins_at_the_wished_k():
    spec = CurveSpec(methods=(Method.FLOW,), ks=(32, 8, 16, 8), first_k=16)
    assert spec.methods == (Method.PCA, Method.FLOW)
    assert spec.ordered_ks == (16, 8, 32)
