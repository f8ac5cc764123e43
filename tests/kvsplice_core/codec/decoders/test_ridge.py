import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsplice_core.codec.decoders.ridge import Regression, Sums

STRENGTHS = torch.logspace(-6, 2, 9, dtype=torch.float64)


def data(n=60, p=5, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    features = 3 + torch.randn(p, n, generator=generator, dtype=torch.float64)
    targets = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return features, targets + features.T @ torch.randn(
        p, d, generator=generator, dtype=torch.float64
    )


def predicted(solution, features):
    weights, bias = solution
    return features.T @ weights + bias


@given(cut=st.integers(1, 59), p=st.sampled_from([1, 5, 130]))
@settings(deadline=None)
def test_chunks_sum_to_the_whole(cut, p):
    features, targets = data(p=p)
    whole = Sums.of(features, targets)
    parts = Sums.of(features[:, :cut], targets[:cut]) + Sums.of(features[:, cut:], targets[cut:])
    assert parts.rows == whole.rows
    for name in ("gram", "cross", "features", "targets"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))
    assert parts.energy == pytest.approx(whole.energy)


@pytest.mark.parametrize("p", [1, 55, 112, 113, 500])
def test_the_gram_is_the_product(p):
    features, targets = data(p=p)
    torch.testing.assert_close(Sums.of(features, targets).gram, features @ features.T)


def test_sums_around_a_point_are_those_of_moved_vectors():
    features, targets = data()
    at_features = torch.randn(5, dtype=torch.float64)
    at_targets = torch.randn(3, dtype=torch.float64)
    moved = Sums.of(features, targets).around(at_features, at_targets)
    expected = Sums.of(features - at_features[:, None], targets - at_targets)
    for name in ("gram", "cross", "features", "targets"):
        torch.testing.assert_close(getattr(moved, name), getattr(expected, name))
    assert moved.energy == pytest.approx(expected.energy)


def test_errors_of_every_strength_are_those_of_its_solution():
    features, targets = data()
    others, their_targets = data(30, seed=1)
    regression = Regression(Sums.of(features, targets))
    errors = regression.errors(Sums.of(others, their_targets), STRENGTHS)
    for strength, error in zip(STRENGTHS, errors, strict=True):
        rest = their_targets - predicted(regression.solution(float(strength)), others)
        assert float(error) == pytest.approx(float(rest.square().sum()), rel=1e-8)


def test_no_other_weights_are_better():
    features, targets = data()
    strength = 0.1
    weights, bias = Regression(Sums.of(features, targets)).solution(strength)
    spread = features.std(1, unbiased=False)
    weights.requires_grad_()
    bias.requires_grad_()
    rest = targets - features.T @ weights - bias
    penalty = strength * (weights * spread[:, None]).square().sum()
    (rest.square().sum() / len(targets) + penalty).backward()
    assert float(weights.grad.abs().max()) < 1e-9
    assert float(bias.grad.abs().max()) < 1e-9


def test_units_of_the_features_change_nothing():
    features, targets = data()
    units = torch.tensor([1e-4, 1e3, 1, 5, 0.1], dtype=torch.float64)[:, None]
    ours = Regression(Sums.of(features * units, targets)).solution(0.3)
    theirs = Regression(Sums.of(features, targets)).solution(0.3)
    torch.testing.assert_close(predicted(ours, features * units), predicted(theirs, features))


def test_a_feature_that_never_moves_gets_no_weight():
    features, targets = data()
    features[2] = 1.7
    weights, bias = Regression(Sums.of(features, targets)).solution(1e-6)
    assert float(weights[2].abs().max()) == 0
    assert bool(bias.isfinite().all())


def test_among_leaves_the_others_out():
    features, targets = data()
    places = torch.tensor([3, 0])
    ours, theirs = Sums.of(features, targets).among(places), Sums.of(features[places], targets)
    torch.testing.assert_close(ours.gram, theirs.gram)
    torch.testing.assert_close(ours.cross, theirs.cross)
