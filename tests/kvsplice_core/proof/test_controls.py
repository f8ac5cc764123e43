"""What a control requires depends on how much the card keeps, how poor it is, how it is kept."""

import pytest

from kvsplice_core.proof.controls import chunks, random_basis, rank_one
from tests.language_models import pca_card, tiny_gpt2


@pytest.mark.parametrize(
    ("k", "kl", "kl_one", "passed"),
    [
        (4, 0.1, 0.11, True),  # worse is enough below half the dimensions
        (8, 0.1, 0.21, True),
        (8, 0.1, 0.15, False),  # much worse is asked from there on
        (4, 0.1, 0.102, True),  # a poor card is no broken cache
        (4, 0.1, 0.05, True),
        (8, 0.1, 0.09, True),
        (8, 0.1, 0.1, False),  # but k = 1 must change something
        (4, 0.0, 0.0, False),
        (4, 0.0, 1e-3, True),
        (8, 0.1, 0.0, False),
        (1, 0.1, 0.1, True),
        (1, 0.0, 0.0, False),
    ],
)
def test_the_cost_of_k_1(k, kl, kl_one, passed):
    control = rank_one(kl_one, kl, pca_card(tiny_gpt2(), k))
    assert control.passed is passed


def test_a_poor_card_is_said_to_be_poor():
    assert "costs as much" in rank_one(0.1, 0.1001, pca_card(tiny_gpt2(), 4)).claim
    assert "are worse" in rank_one(0.2, 0.1, pca_card(tiny_gpt2(), 4)).claim
    assert "much worse" in rank_one(0.2, 0.1, pca_card(tiny_gpt2(), 8)).claim


@pytest.mark.parametrize(
    ("kl_random", "kl", "kl_one", "passed"),
    [
        (0.2, 0.1, 0.5, True),
        (0.09, 0.1, 0.5, False),  # a good card must beat random axes
        (0.3, 0.4, 0.5, True),  # a poor one need not
        (0.4, 0.4, 0.5, False),  # but other axes must change something
        (0.0, 0.4, 0.5, False),
        (0.0, 0.0, 0.0, False),
    ],
)
def test_the_cost_of_random_axes(kl_random, kl, kl_one, passed):
    assert random_basis(kl_random, kl, kl_one).passed is passed


@pytest.mark.parametrize(
    ("largest", "mean", "share", "passed"),
    [
        (1e-4, 1e-5, None, True),
        (1e-2, 1e-5, None, False),
        (1e-4, 1e-3, None, False),
        (1e-2, 1e-3, 0.1, True),  # levels flip
        (1e-2, 1e-3, 1.0, False),  # originals in one of both
        (1e-4, 1e-5, 1.0, True),  # as good as exact
        (1e-2, 1e-3, float("nan"), False),
        (float("nan"), 1e-3, float("nan"), False),
    ],
)
def test_only_levels_may_flip_between_passes(largest, mean, share, passed):
    assert chunks("", largest, mean, share).passed is passed
