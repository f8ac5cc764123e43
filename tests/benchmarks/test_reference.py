"""The plain reference and the core compute the same; what is compared is only their speed."""

import pytest
import torch

from kvsplice_core import CalibrationSpec, Codec
from kvsplice_core.codec.kinds import Method, Recipe
from tests.benchmarks import reference
from tests.benchmarks.core import fit, vectors
from tests.benchmarks.measure import compare

SPEC = CalibrationSpec(
    Method.SPLINE, k=3, k_train=3, recipe=Recipe.ORIGIN, knots=7, epochs=5, batch_size=50
)


@pytest.fixture(scope="module")
def both():
    train = vectors(1000, 6)
    plain, losses = reference.fit(train, SPEC)
    trained = fit(train, SPEC)
    codec = Codec(trained.transform, trained.projection)
    return train, plain, losses, codec, trained.losses


def test_every_epoch_has_the_same_loss(both):
    _, _, losses, _, ours = both
    assert ours == pytest.approx(losses, rel=1e-5)
    assert ours[-1] < ours[0]


def test_both_learn_the_same_curves(both):
    _, plain, _, codec, _ = both
    tables = [spline.tables() for spline in plain.splines.splines]
    slopes, out = (torch.stack([table[i] for table in tables], 1).detach() for i in range(2))
    torch.testing.assert_close(codec.transform.slopes, slopes, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(codec.transform.knots_out, out, rtol=1e-4, atol=1e-4)


def test_both_restore_the_same_vectors(both):
    train, plain, _, codec, _ = both
    # The sign of an axis is a choice, so latents may differ by it.
    torch.testing.assert_close(
        codec.encode(train).abs(), plain.encode(train).abs(), rtol=1e-3, atol=1e-4
    )
    restored = plain.decode(plain.encode(train))
    torch.testing.assert_close(codec.reconstruct(train), restored, rtol=1e-3, atol=1e-4)


def test_a_comparison_takes_turns_and_drops_the_warm_up():
    calls = []
    measure = compare("x", lambda: calls.append("ours"), lambda: calls.append("reference"), turns=2)
    assert calls == ["ours", "reference"] * 3
    assert measure.ratio == pytest.approx(measure.reference / measure.ours)
