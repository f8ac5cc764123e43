"""What results say of themselves."""

import math

import pytest

from kvsplice_core.base.estimates import Estimate
from kvsplice_core.tasks.evaluate import HeadErrors, perplexity


@pytest.mark.parametrize(
    ("ranks", "disagree"), [((1, 2, 1), False), ((1, 3, 2), True), ((), False)]
)
def test_places_more_than_one_apart_disagree(ranks, disagree):
    assert HeadErrors("v", 0, 0, 1.0, 1.0, 1.0, ranks).disagree is disagree


def test_a_perplexity_beyond_floats_is_infinite():
    assert perplexity(Estimate(0.0, 0.0, 1e6)) == Estimate(1.0, 1.0, math.inf)
