"""What a file says of its making is all that was asked for, in JSON values."""

import json
from dataclasses import dataclass, replace

import pytest

from kvsplice_core import calibrate, load_codec, run, save_codec
from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.base.options import from_settings, option
from kvsplice_core.codec.kinds import Axes, Curve, Method, Recipe
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.fit.provenance import of_vectors, training_of
from kvsplice_core.tasks.training import RECIPE_DEFAULTS, CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, values_of

DATA = values_of(bent_rows(40, 4)).summary


@pytest.mark.parametrize("recipe", list(Recipe))
@pytest.mark.parametrize("method", list(Method))
def test_what_was_left_to_the_recipe_is_filled_in(method, recipe):
    said = of_vectors(DATA, 30, CalibrationSpec(method, recipe=recipe)).training
    usual = RECIPE_DEFAULTS[recipe]
    assert (said["knots"], said["epochs"]) == (usual.knots, usual.epochs)
    assert (said["method"], said["recipe"]) == (method.key, recipe.value)


def test_every_option_of_a_calibration_comes_back():
    spec = CalibrationSpec(
        Method.FLOW, 3, knots=9, epochs=2, seed=1, device="cpu", batch_size=64, k_train=4,
        train_fraction=0.5, validation_fraction=0.2, curve=Curve.SMOOTH, axes=Axes.OUTPUT,
    )  # fmt: skip
    made = of_vectors(DATA, 30, spec)
    assert training_of(Provenance.from_json(json.loads(json.dumps(made.to_json())))) == spec


@dataclass(frozen=True)
class Patient(CalibrationSpec):
    """A calibration with one option more than the product knows."""

    patience: int = option("Patience", "epochs without a gain that are endured", 3, low=1)


def test_an_option_declared_here_is_in_the_file_of_a_codec(tmp_path):
    spec = Patient(Method.PCA, 2, patience=7)
    codec = run(calibrate(values_of(bent_rows(40, 4)), spec)).codec
    save_codec(codec, tmp_path / "c.safetensors")
    said = load_codec(tmp_path / "c.safetensors").provenance.training
    assert said["patience"] == 7
    assert from_settings(Patient, said) == spec.filled_in


def test_what_is_not_said_is_as_usual():
    assert training_of(Provenance()) == CalibrationSpec()


@pytest.mark.parametrize("training", [{"axes": "sideways"}, {"epochs": 0}, {"seed": "five"}])
def test_what_no_calibration_can_be_is_refused(training):
    with pytest.raises(CodecFileError, match=r"training must be a calibration: .* must"):
        training_of(replace(Provenance(), training=training))


def test_the_vectors_are_named():
    made = of_vectors(DATA, 30, CalibrationSpec())
    assert (made.data, made.data_sha256, made.train_vectors) == (DATA.title, DATA.sha256, 30)
    assert "torch" in made.versions
