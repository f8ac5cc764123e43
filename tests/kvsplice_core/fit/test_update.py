"""An update knows old and new vectors, never ends worse, and says how far they drifted."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, calibrate, run
from kvsplice_core.base.errors import CodecFileError, DataError, SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.codec.history import Moments
from kvsplice_core.codec.kinds import (
    Axes,
    CouplingKind,
    Curve,
    Decoding,
    KnotPlacement,
    Method,
    Quantization,
    Recipe,
)
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.fit.calibrate import history_of
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.fit.update import adapt, find_drift, principal_angles
from kvsplice_core.tasks.update import Kept, UpdateSpec
from tests.kvsplice_core.makers import bent_rows, corrected, gaussian_rows, quantized, values_of

SPEC = UpdateSpec(device="cpu", epochs=4)
BENT, LATER = bent_rows(1200), 1.3 * bent_rows(600, seed=1) + 0.3
FLAT = gaussian_rows(800)


def fitted(rows, method=Method.PCA, k=2, **options):
    spec = CalibrationSpec(method=method, k=k, device="cpu", **options)
    values = values_of(rows)
    return run(calibrate(values, spec)).codec, history_of(values, spec)


@pytest.fixture(scope="module")
def spline():
    codec, history = fitted(BENT, Method.SPLINE, epochs=16)
    assert codec.method is Method.SPLINE
    return codec, history


def turned(rows):
    """Return rows whose directions of large and small variance change places."""
    return rows.flip(1) + 3.0


def test_updated_pca_is_that_of_all_training_vectors():
    new = turned(FLAT)
    found = run(adapt(*fitted(FLAT), values_of(new), SPEC))
    every = torch.cat([FLAT[:600], new[:600]])
    expected = fit_pca(every).projection(2)
    assert found.kept is Kept.UPDATED
    torch.testing.assert_close(
        found.codec.projection.encoder, expected.encoder, rtol=1e-4, atol=1e-5
    )
    assert found.vectors == found.history.moments.count == 1200
    assert found.new.change.percent < 0


def test_to_forget_everything_is_to_start_over():
    new = turned(FLAT)
    found = run(adapt(*fitted(FLAT), values_of(new), replace(SPEC, forget=1.0)))
    expected = fit_pca(new[:600]).projection(2)
    torch.testing.assert_close(
        found.codec.projection.encoder, expected.encoder, rtol=1e-4, atol=1e-5
    )
    assert found.vectors == 600


def test_a_spline_goes_on_from_where_it_was(spline):
    codec, history = spline
    found = run(adapt(codec, history, values_of(LATER), SPEC))
    assert found.kept is Kept.UPDATED
    assert found.codec.method is Method.SPLINE
    assert found.new.change.high < 0
    assert found.codec.provenance.updates == 1
    again = run(adapt(found.codec, found.history, values_of(LATER), SPEC))
    assert again.codec.provenance.updates == 2
    assert again.codec.provenance.training["epochs"] == 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "options"),
    [
        (Method.SPLINE, {"curve": Curve.RATIONAL_QUADRATIC}),
        (Method.SPLINE, {"knot_placement": KnotPlacement.LEARNT}),
        (Method.FLOW, {"axes": Axes.PCA}),
        (Method.FLOW, {"coupling": CouplingKind.RATIONAL_QUADRATIC}),
    ],
)
def test_every_transform_starts_at_its_present_curves(method, options):
    # From the identity, eight epochs end 11 to 17 % above the codec.
    codec, history = fitted(BENT, method, epochs=24, **options)
    assert codec.method is method
    found = run(adapt(codec, history, values_of(BENT), replace(SPEC, epochs=8)))
    assert found.kept is not Kept.PCA
    assert found.validation.ours < 1.05 * found.validation.theirs


def test_a_codec_of_recipe_origin_goes_on_jointly():
    codec, history = fitted(BENT, Method.SPLINE, epochs=2, recipe=Recipe.ORIGIN)
    found = run(adapt(codec, history, values_of(BENT), SPEC))
    assert found.kept is Kept.UPDATED
    assert found.new.change.high < 0


def test_an_update_is_repeated_exactly(spline):
    found = [run(adapt(*spline, values_of(LATER), SPEC)) for _ in range(2)]
    ours, theirs = (one.codec.tensors() for one in found)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(found[0].history.replay, found[1].history.replay)


def test_a_spline_that_does_not_beat_pca_any_more_becomes_pca(spline):
    codec, history = spline
    rows = gaussian_rows(1600)
    found = run(adapt(codec, history, values_of(rows), replace(SPEC, forget=1.0)))
    assert found.kept is Kept.PCA
    assert found.codec.method is Method.PCA
    assert "does not beat any more" in found.text


def test_an_update_that_does_not_help_leaves_the_codec():
    # The validation part looks like the earlier vectors, the rest of the new ones does not.
    codec, history = fitted(FLAT)
    new = torch.cat([turned(gaussian_rows(540)), FLAT[:60], FLAT[:200]])
    found = run(adapt(codec, history, values_of(new), replace(SPEC, forget=0.9)))
    assert found.kept is Kept.BEFORE
    assert torch.equal(found.codec.projection.encoder, codec.projection.encoder)
    assert found.validation.verdict is Verdict.LOSS
    assert found.new.change.percent == 0
    assert "stays as it was" in found.text
    assert found.history.moments.count == pytest.approx(60 + 600)


def test_what_is_reported_is_what_is_measured(spline):
    codec, history = spline
    found = run(adapt(codec, history, values_of(LATER), SPEC))
    test = values_of(LATER).split(0.75)[1]
    assert found.new.theirs == pytest.approx(mean_squared_error(test, codec.reconstruct))
    assert found.new.ours == pytest.approx(mean_squared_error(test, found.codec.reconstruct))
    old = mean_squared_error(history.held_out, codec.reconstruct)
    assert found.old.theirs == pytest.approx(old)


def test_progress_goes_forward(spline):
    steps = []
    run(adapt(*spline, values_of(LATER), SPEC), steps.append)
    shares = [step.fraction for step in steps]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.9 < shares[-1] <= 1


@given(angle=st.floats(0, 90))
def test_the_angle_of_two_lines(angle):
    turn = torch.tensor(angle, dtype=torch.float64).deg2rad()
    first = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    second = torch.stack([turn.cos(), turn.sin()]).reshape(2, 1)
    assert float(principal_angles(first, second)) == pytest.approx(angle, abs=1e-9)


def test_angles_do_not_depend_on_the_basis_of_a_span():
    q = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    mix = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    assert float(principal_angles(q[:, :3], q[:, :3] @ mix).max()) < 1e-6
    torch.testing.assert_close(
        principal_angles(q[:, :3], q[:, 3:]), torch.full((3,), 90.0, dtype=torch.float64)
    )


def test_the_same_vectors_have_not_drifted():
    drift = find_drift(Moments.of(FLAT), FLAT, 3)
    assert drift.largest_angle == pytest.approx(0, abs=1e-6)
    assert drift.mean_shift == pytest.approx(0, abs=1e-9)
    assert drift.variance_ratio == pytest.approx(1)


def test_drift_counts_in_standard_deviations_and_ratios():
    spread = Moments.of(FLAT).total_variance ** 0.5
    moved = FLAT * 2 - FLAT.mean(0)
    moved[:, 0] += 3 * spread
    drift = find_drift(Moments.of(FLAT), moved, 3)
    assert drift.mean_shift == pytest.approx(3, rel=1e-4)
    assert drift.variance_ratio == pytest.approx(4, rel=1e-4)
    assert drift.largest_angle == pytest.approx(0, abs=1e-3)


def test_what_cannot_be_updated_is_refused():
    codec, history = fitted(FLAT)
    kinds = corrected(fitted(BENT)[0], BENT, Decoding.QUADRATIC), "quadratic"
    with pytest.raises(SpecError, match=f"holds {kinds[1]}"):
        run(adapt(kinds[0], history, values_of(FLAT), SPEC))
    with pytest.raises(SpecError, match="holds int8"):
        run(adapt(quantized(codec, FLAT, Quantization.INT8), history, values_of(FLAT), SPEC))
    with pytest.raises(DataError, match="dimension 6; got 5"):
        run(adapt(codec, history, values_of(FLAT[:, :5]), SPEC))


def test_a_damaged_note_of_how_it_was_made_is_refused(spline):
    codec, history = spline
    damaged = replace(codec, provenance=Provenance(training={"axes": "sideways"}))
    with pytest.raises(CodecFileError, match="axes must be one of"):
        run(adapt(damaged, history, values_of(LATER), SPEC))


@pytest.mark.parametrize("wrong", [{"forget": -0.1}, {"forget": 1.5}, {"epochs": 0}])
def test_a_spec_outside_its_range_is_refused(wrong):
    with pytest.raises(SpecError):
        UpdateSpec(**wrong)
