"""The four errors order the methods, or disagree."""

from dataclasses import replace

import pytest

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.curve import QualityPoint, disagreements, orders_agree
from kvsplice_core.tasks.evaluate import Quality

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


def at(k, method, *errors):
    return replace(point(method, *errors), k=k)


def test_every_k_that_orders_the_methods_differently_is_found():
    points = [
        at(8, Method.PCA, 2, 2, 2, 2), at(8, Method.SPLINE, 1, 1, 1, 3),
        at(16, Method.PCA, 2, 2, 2, 2), at(16, Method.SPLINE, 1, 1, 1, 1),
    ]  # fmt: skip
    assert disagreements(points) == (8,)
    assert disagreements([]) == ()


def test_rounding_at_full_rank_orders_nothing():
    points = [
        at(8, Method.PCA, 2, 2, 2, 2), at(8, Method.SPLINE, 1, 1, 1, 1),
        at(64, Method.PCA, 2e-14, 1e-14, 1e-16, 1e-8), at(64, Method.SPLINE, 1e-14, 2e-14, 0, 2e-8),
    ]  # fmt: skip
    assert disagreements(points) == ()
    assert not orders_agree(points[2:])
