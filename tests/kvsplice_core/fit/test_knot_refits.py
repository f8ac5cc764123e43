"""What hand-set knots are measured to be, and what calibration makes of them."""

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.base.progress import run
from kvsplice_core.codec.codec_file import load_codec, save_codec
from kvsplice_core.codec.kinds import Method
from kvsplice_core.fit.knot_editing import add_knot, identity_spline, move_knot
from kvsplice_core.fit.knot_refits import Bench, learn_from, refit, refit_rows
from kvsplice_core.fit.metrics import mean_squared_error
from kvsplice_core.fit.sweep import sweep
from kvsplice_core.report.figures.measured import describe
from kvsplice_core.report.sweep_table import as_dict, csv_text
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, gaussian_rows, values_of

SPEC = CalibrationSpec(device="cpu", epochs=40)
VALUES = values_of(bent_rows(n=800))


@pytest.fixture(scope="module")
def bench():
    return Bench.of(VALUES, SPEC)


def edited(bench, by=0.3):
    spline = identity_spline(bench.parts.train, 6)
    x, z = float(spline.knots_in[3, 5]), float(spline.knots_out[3, 5])
    return move_knot(spline, 5, 3, x, z + by)


def test_the_identity_is_plain_pca_at_every_k(bench):
    swept = run(sweep(VALUES, SweepSpec((Method.PCA,), (1, 2, 6), SPEC)))
    rows = refit_rows(bench, identity_spline(bench.parts.train, 6), (1, 2, 6))
    for row, pca in zip(rows, swept.rows, strict=True):
        assert row.scores.mse == pytest.approx(pca.scores.mse, rel=1e-4, abs=1e-10)
        assert row.change.verdict is Verdict.TIE
        assert row.calibration.judgement.verdict is Verdict.TIE
        assert row.kept is Method.PCA


def test_a_row_is_what_its_codec_does(bench):
    spline = edited(bench)
    row = next(refit_rows(bench, spline, (2,)))
    codec = refit(bench.parts.train, spline, 2)
    mse = mean_squared_error(bench.parts.test, codec.reconstruct)
    assert row.scores.mse == pytest.approx(mse)
    assert torch.equal(row.calibration.codec.projection.encoder, codec.projection.encoder)
    assert row.change.percent == pytest.approx(
        100 * (mse / bench.reference(2).test.mean() - 1), rel=1e-5
    )


def test_a_saved_codec_says_that_a_hand_made_it(bench, tmp_path):
    row = next(refit_rows(bench, add_knot(edited(bench), 0, 0.123), (3,)))
    save_codec(row.calibration.codec, tmp_path / "edited.safetensors")
    made = load_codec(tmp_path / "edited.safetensors").provenance
    assert made.edited
    assert (made.notes["made"], made.training["knots"]) == ("by hand", 7)
    assert made.notes["test_mse"] == row.scores.mse
    assert made.data_sha256 == VALUES.summary.sha256


def test_tables_mark_edited_rows(bench):
    swept = run(sweep(VALUES, SweepSpec((Method.PCA,), (1, 2), SPEC)))
    row = next(refit_rows(bench, edited(bench), (2,)))
    marked = replace(swept, rows=(*swept.rows, row))
    assert "edited" not in csv_text(swept)
    header, first, second = csv_text(marked).splitlines()
    assert header.endswith(",edited_by_hand_SplinePCA")
    assert first.endswith(",")
    assert second.endswith(",yes")
    assert describe(marked).endswith(" · knots edited by hand")
    assert [r["edited_by_hand"] for r in as_dict(marked)["rows"]] == [False, False, True]


def test_learning_goes_on_from_the_knots_of_the_hand(bench):
    spline = add_knot(edited(bench), 1, 0.777)
    steps = []
    learnt = run(learn_from(bench, spline, 1), steps.append)
    assert learnt.judgement.is_gain
    assert torch.equal(learnt.spline.knots_in, spline.knots_in)
    assert learnt.row.scores.mse < next(refit_rows(bench, spline, (1,))).scores.mse
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_what_learning_does_not_better_stays_as_it_was():
    bench = Bench.of(values_of(gaussian_rows(n=80)), replace(SPEC, epochs=400))
    spline = identity_spline(bench.parts.train, 6)
    learnt = run(learn_from(bench, spline, 2))
    assert not learnt.judgement.is_gain
    assert not learnt.row.calibration.losses
    assert torch.equal(learnt.spline.slopes, spline.slopes)


def test_a_k_beyond_d_is_refused(bench):
    with pytest.raises(SpecError, match="between 1 and the dimension 6"):
        list(refit_rows(bench, edited(bench), (7,)))
