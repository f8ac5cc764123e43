"""The command that is copied asks for exactly what was measured."""

import shlex

import pytest

from kvsplice_core.cli.options import calibration_spec
from kvsplice_core.cli.parser import build_parser
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.report.quality_commands import as_command
from kvsplice_core.tasks.curve import CurveSpec
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.training import CalibrationSpec

SPECS = (
    CurveSpec(),
    CurveSpec(
        methods=(Method.PCA, Method.FLOW),
        ks=(4, 9),
        calibration=CalibrationSpec(recipe=Recipe.ORIGIN, knots=9, epochs=3, seed=1),
        evaluation=EvalSpec(mode="window", window=12, tokens=777),
        side="both",
        budget=512,
    ),
)


@pytest.mark.parametrize("spec", SPECS)
def test_the_parser_reads_back_what_was_measured(spec):
    from kvsplice_core.cli.evaluations import evaluation_spec

    text = as_command("a b.safetensors", spec, device="cpu", model="gpt2", texts=("x y.txt", "z"))
    words = shlex.split(text)
    assert words[:2] == ["kvsplice", "quality"]
    arguments = build_parser().parse_args(words[1:])
    assert arguments.capture == "a b.safetensors"
    assert arguments.model == "gpt2"
    assert list(arguments.text) == ["x y.txt", "z"]
    assert (arguments.methods, tuple(arguments.ks)) == (spec.methods, spec.ks)
    assert (arguments.side, arguments.budget) == (spec.side, spec.budget)
    evaluation = evaluation_spec(arguments)
    assert (evaluation.mode, evaluation.tokens) == (spec.evaluation.mode, spec.evaluation.tokens)
    assert evaluation.mode == "strict" or evaluation.window == spec.evaluation.window
    calibration = calibration_spec(arguments)
    for name in ("recipe", "resolved_knots", "resolved_epochs", "seed", "k_train"):
        assert getattr(calibration, name) == getattr(spec.calibration, name)
    assert calibration.device == "cpu"


def test_a_path_is_never_read_as_an_option():
    assert "./-a.safetensors" in as_command("-a.safetensors", CurveSpec(), device="cpu")
