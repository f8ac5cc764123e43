"""The gains on held-out vectors that the decoders were built for."""

import pytest

from kvsplice_core import load_values, run
from kvsplice_core.codec.decoders.base import Pair
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.registry import load
from kvsplice_core.fit.judge import judge, rounding_error
from kvsplice_core.fit.metrics import row_errors

NOISE = 0.0009  # of GeometricMix, per dimension


def cut(values, k) -> tuple[Pair, Pair, Pair]:
    """Return latents and residuals of PCA: to learn from, to choose by, and held out."""
    train, test = values.split(0.75)
    projection = fit_pca(train).projection(k)
    fit, validation = train[: len(train) * 9 // 10], train[len(train) * 9 // 10 :]

    def pair(rows):
        latents = projection.encode(rows)
        return latents, rows - projection.decode(latents)

    return pair(fit), pair(validation), pair(test)


def errors(pair, correction):
    latents, residuals = pair
    return row_errors(residuals, lambda _: correction.apply(latents))


@pytest.mark.parametrize(("k", "over"), [(2, 1.10), (3, 1.03), (4, 1.02), (8, 1.01)])
def test_a_polynomial_comes_near_the_noise_of_geometric_mix(k, over):
    fit, validation, test = cut(load_values("geometric-mix"), k)
    degree = 7 if k <= 4 else 4
    spec = DecoderSpec(Decoding.POLYNOMIAL, degree=degree)
    correction = run(load(spec.kind).fit(*fit, validation, spec))
    assert errors(test, correction).mean() <= over * NOISE * (128 - k) / 128


def test_a_quadratic_gains_on_every_head_of_a_real_model():
    spec = DecoderSpec(Decoding.QUADRATIC)
    changes = []
    for head in range(3):
        fit, validation, test = cut(load_values("smollm2-v", layer=15, head=head), 16)
        correction = run(load(spec.kind).fit(*fit, validation, spec))
        pca = test[1].double().square().mean(1).numpy()
        changes.append(judge(errors(test, correction), pca, rounding_error(test[1])).change)
    assert sum(change.percent for change in changes) / 3 <= -8.5
    assert max(change.percent for change in changes) <= -5
    assert max(change.high for change in changes) < 0
