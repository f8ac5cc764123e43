"""The four errors order the methods, or disagree."""

from dataclasses import replace

import pytest

from kvsplice_core.methods import Method
from kvsplice_core.quality.curve_results import QualityPoint, orders_agree
from kvsplice_core.quality.results import Estimate, Quality

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
