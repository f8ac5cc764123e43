"""A transform behind axes is calibrated, stored and warm-started like any other."""

import dataclasses

import pytest
import torch

from kvsplice_core import CalibrationSpec, calibrate, run
from kvsplice_core.base.errors import CodecFileError, SpecError
from kvsplice_core.codec.codec_file import load_codec, save_codec
from kvsplice_core.codec.kinds import Axes, Method
from kvsplice_core.codec.registry import load
from kvsplice_core.codec.transforms.chained import Chained
from kvsplice_core.codec.transforms.spline import Spline
from kvsplice_core.fit.calibrate import train_transform
from tests.kvsplice_core.makers import bent_rows, transform_of, values_of

ROWS = bent_rows(800, 6)
SPEC = CalibrationSpec(k=1, epochs=20, axes=Axes.PCA, device="cpu")


@pytest.fixture(scope="module")
def result():
    return run(calibrate(values_of(ROWS), SPEC))


def test_calibration_behind_principal_axes_wins_on_a_curve(result):
    assert result.kept is Method.SPLINE
    assert isinstance(result.codec.transform, Chained)
    assert result.codec.provenance.training["axes"] == "pca"
    assert result.validation_mse < result.validation_mse_pca


def test_a_codec_behind_axes_is_stored_bit_for_bit(result, tmp_path):
    save_codec(result.codec, tmp_path / "c.safetensors")
    back = load_codec(tmp_path / "c.safetensors")
    assert torch.equal(back.reconstruct(ROWS), result.codec.reconstruct(ROWS))


def test_a_warm_start_stays_in_its_axes(result):
    spec = dataclasses.replace(SPEC, epochs=2)
    again = run(train_transform(ROWS[:300], ROWS, spec, result.codec))
    assert torch.equal(again.transform.axes.matrix, result.codec.transform.axes.matrix)


def test_other_axes_do_not_start_from_an_earlier_codec(result):
    spec = dataclasses.replace(SPEC, axes=Axes.RAW, epochs=4)
    cold = run(calibrate(values_of(ROWS), spec))
    warm = run(calibrate(values_of(ROWS), spec, result.codec))
    assert warm.validation_mse == cold.validation_mse
    assert isinstance(warm.codec.transform, Spline)


def test_the_output_axes_need_their_weight():
    kind, spec = load(Method.SPLINE), CalibrationSpec(axes=Axes.OUTPUT)
    with pytest.raises(SpecError, match="weight"):
        kind.start(ROWS, spec.transform, torch.Generator(), None)
    weight = torch.randn(6, 10, generator=torch.Generator().manual_seed(0))
    built = kind.seeing(weight).start(ROWS, spec.transform, torch.Generator(), None).build()
    error = ROWS - ROWS.mean(0)
    torch.testing.assert_close(
        built.axes.forward(error).norm(dim=1), (error @ weight).norm(dim=1), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("name", ["axes.matrix", "axes.inverse"])
def test_matrices_that_do_not_undo_each_other_are_refused(name):
    tensors = dict(transform_of(Method.SPLINE, ROWS, 0.2, axes=Axes.WHITENED).tensors())
    tensors[name] = tensors[name] * 1.1
    with pytest.raises(CodecFileError, match="undone"):
        load(Method.SPLINE).restore(tensors, 6)
