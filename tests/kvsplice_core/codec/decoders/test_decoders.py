"""Every decoder keeps the promises of `Correction` and `DecoderKind`."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsplice_core.base.errors import CodecFileError, DataError
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding
from kvsplice_core.codec.registry import load
from tests.kvsplice_core.codec.decoders.makers import chance, fitted, planted, squared_error

ALL = list(Decoding)
LEARNT = [kind for kind in Decoding if kind is not Decoding.LINEAR]
FEATURES = [Decoding.QUADRATIC, Decoding.POLYNOMIAL]
each = pytest.mark.parametrize("kind", LEARNT, ids=lambda kind: kind.key)
each_of_features = pytest.mark.parametrize("kind", FEATURES, ids=lambda kind: kind.key)


@pytest.fixture(scope="module")
def corrections():
    parts = planted()
    return {kind: fitted(kind, parts) for kind in LEARNT}


@each
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (2, 3), (2, 0, 3)])
def test_any_leading_axes_come_back(corrections, kind, shape):
    correction = corrections[kind]
    latent = torch.randn(*shape, 4)
    assert correction.apply(latent).shape == (*shape, 7)
    assert (correction.k, correction.dim) == (4, 7)


@each
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_dtype_of_the_latents_is_kept(corrections, kind, dtype):
    assert corrections[kind].apply(torch.randn(5, 4, dtype=dtype)).dtype == dtype


@each
def test_every_vector_is_corrected_alone(corrections, kind):
    latents = torch.randn(9_000, 4)
    together = corrections[kind].apply(latents)
    assert torch.allclose(together[8_990:], corrections[kind].apply(latents[8_990:]), atol=1e-4)


@each
def test_outliers_stay_finite_and_within_what_was_seen(corrections, kind):
    (latents, residuals), _ = planted()
    away = corrections[kind].apply(100 * latents)
    assert bool(away.isfinite().all())
    assert float(away.abs().max()) < 20 * float(residuals.abs().max())


@each
def test_a_planted_bend_is_found(corrections, kind):
    unseen = planted(n=300)[1]
    share = 0.5 if kind is Decoding.MLP else 0.01
    assert squared_error(corrections[kind], unseen) < share * squared_error(None, unseen)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
def test_nothing_is_added_where_nothing_is_to_know(kind):
    (latents, residuals), validation = planted()
    nothing = torch.zeros_like(residuals), torch.zeros_like(validation[1])
    assert fitted(kind, ((latents, nothing[0]), (validation[0], nothing[1]))) is None


@each_of_features
@given(seed=st.integers(0, 10_000), n=st.integers(4, 200), noise=st.booleans())
@settings(deadline=None, max_examples=25)
def test_never_worse_than_linear_on_validation(kind, seed, n, noise):
    parts = chance(n, seed=seed) if noise else planted(n)
    correction = fitted(kind, parts)
    assert squared_error(correction, parts[1]) <= squared_error(None, parts[1])


def test_the_network_is_never_worse_than_linear_on_validation():
    for seed in range(4):
        parts = chance(60, seed=seed)
        correction = fitted(Decoding.MLP, parts)
        assert squared_error(correction, parts[1]) <= squared_error(None, parts[1])


@each
def test_the_same_seed_gives_the_same_numbers(corrections, kind):
    again = fitted(kind, planted())
    for name, tensor in corrections[kind].tensors().items():
        assert torch.equal(tensor, again.tensors()[name])


@each
def test_rescaled_latents_change_nothing(corrections, kind):
    scale = torch.tensor([1000.0, 0.001, 7.0, 0.3])
    training, validation = planted()
    scaled = (training[0] * scale, training[1]), (validation[0] * scale, validation[1])
    ours = fitted(kind, scaled).apply(validation[0] * scale)
    torch.testing.assert_close(ours, corrections[kind].apply(validation[0]), rtol=2e-2, atol=2e-2)


@each
def test_rescaled_residuals_rescale_the_answer(corrections, kind):
    training, validation = planted()
    scaled = (training[0], 1e-3 * training[1]), (validation[0], 1e-3 * validation[1])
    ours = 1e3 * fitted(kind, scaled).apply(validation[0])
    torch.testing.assert_close(ours, corrections[kind].apply(validation[0]), rtol=2e-2, atol=2e-2)


@each
def test_stored_tensors_restore_the_same_correction(corrections, kind):
    correction = corrections[kind]
    tensors = correction.tensors()
    assert {t.dtype for t in tensors.values()} <= {torch.float32, torch.int64}
    restored = load(kind).restore(tensors, correction.settings(), 4, 7)
    latents = torch.randn(11, 4)
    assert torch.equal(restored.apply(latents), correction.apply(latents))
    assert restored.settings() == correction.settings()
    assert restored.k == 4


@each
def test_what_does_not_fit_is_refused(corrections, kind):
    tensors, told = dict(corrections[kind].tensors()), dict(corrections[kind].settings())
    for name in tensors:
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(CodecFileError):
            load(kind).restore(rest, told, 4, 7)
        with pytest.raises(CodecFileError):
            load(kind).restore({**tensors, name: tensors[name][..., :-1]}, told, 4, 7)
    with pytest.raises(CodecFileError):
        load(kind).restore(tensors, told, 4, 8)
    for name in told:
        for wrong in (None, "2", 0, True, 10**9):
            with pytest.raises(CodecFileError):
                load(kind).restore(tensors, {**told, name: wrong}, 4, 7)


@each
def test_a_spread_of_0_and_a_reversed_range_are_refused(corrections, kind):
    tensors, told = dict(corrections[kind].tensors()), corrections[kind].settings()
    for name, wrong in (("spread", 0 * tensors["spread"]), ("low", tensors["high"] + 1)):
        with pytest.raises(CodecFileError, match="must be above 0"):
            load(kind).restore({**tensors, name: wrong}, told, 4, 7)


def test_a_linear_decoder_has_nothing_to_restore():
    with pytest.raises(CodecFileError):
        load(Decoding.LINEAR).restore({}, {}, 4, 7)


@each
def test_map_reaches_every_tensor(corrections, kind):
    doubled = corrections[kind].map(torch.Tensor.double)
    assert all(t.dtype == torch.float64 for t in doubled.tensors().values())
    latents = torch.randn(6, 4)
    torch.testing.assert_close(
        doubled.apply(latents.double()).float(),
        corrections[kind].apply(latents),
        rtol=1e-3,
        atol=1e-3,
    )


@each
def test_all_but_the_network_are_linear_in_their_features(corrections, kind):
    correction = corrections[kind]
    assert hasattr(correction, "features") is (kind is not Decoding.MLP)
    if kind is not Decoding.MLP:
        latents = torch.randn(2, 5, 4)
        linear = correction.features(latents) @ correction.weights + correction.bias
        torch.testing.assert_close(linear, correction.apply(latents), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
def test_progress_rises_to_the_end(kind):
    training, validation = planted()
    work = load(kind).fit(*training, validation, DecoderSpec(kind, epochs=3, hidden=4))
    shares = list(work)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[0] > 0


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
def test_closing_cancels(kind):
    training, validation = planted()
    work = load(kind).fit(*training, validation, DecoderSpec(kind))
    next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda z, r: (z[:-1], r),
        lambda z, r: (z[:1], r[:1]),
        lambda z, r: (z[0], r[0]),
        lambda z, r: (z[:, :-1], r),
        lambda z, r: (z, r[:, :-1]),
        lambda z, r: (z, r.masked_fill(r == r.max(), torch.nan)),
        lambda z, r: (z.masked_fill(z == z.max(), -torch.inf), r),
    ],
    ids=["lengths", "one row", "one axis", "other k", "other d", "nan", "infinite"],
)
def test_parts_that_do_not_fit_are_refused(kind, spoil):
    training, validation = planted()
    with pytest.raises(DataError):
        fitted(kind, (training, spoil(*validation)))
    with pytest.raises(DataError):
        fitted(kind, (spoil(*training), validation))


@each
def test_a_latent_that_never_moves_does_no_harm(kind):
    training, validation = planted()
    for latents, _ in (training, validation):
        latents[:, 2] = 0.3
    correction = fitted(kind, (training, validation))
    assert bool(correction.apply(validation[0]).isfinite().all())


@each
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_learns_where_its_input_is(corrections, kind):
    training, validation = ((z.cuda(), r.cuda()) for z, r in planted())
    correction = fitted(kind, (training, validation))
    ours = correction.apply(validation[0])
    assert ours.is_cuda
    theirs = corrections[kind].apply(validation[0].cpu())
    torch.testing.assert_close(ours.cpu(), theirs, rtol=5e-2, atol=5e-2)
