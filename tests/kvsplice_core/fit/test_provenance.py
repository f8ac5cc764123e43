"""What a file says of its making is what was asked for, in JSON values."""

import json

import pytest

from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.fit.provenance import calibration_info, data_info
from kvsplice_core.tasks.training import RECIPE_DEFAULTS, CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, values_of


@pytest.mark.parametrize("recipe", list(Recipe))
@pytest.mark.parametrize("method", list(Method))
def test_what_was_left_to_the_recipe_is_filled_in(method, recipe):
    info = calibration_info(CalibrationSpec(method, recipe=recipe))
    usual = RECIPE_DEFAULTS[recipe]
    assert (info["knots"], info["epochs"]) == (usual.knots, usual.epochs)
    assert (info["method"], info["recipe"]) == (method.key, recipe.value)
    assert json.loads(json.dumps(info)) == info


def test_the_vectors_are_named():
    summary = values_of(bent_rows(40, 4)).summary
    info = data_info(summary, 30)
    assert (info["data"], info["data_sha256"]) == (summary.title, summary.sha256)
    assert info["train_vectors"] == 30
