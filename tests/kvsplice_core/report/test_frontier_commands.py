"""What repeats a frontier of vectors asks for exactly what was measured."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kvsplice_core import load_values, run
from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli import main
from kvsplice_core.cli.options import calibration_spec
from kvsplice_core.cli.parser import build_parser
from kvsplice_core.codec.kinds import Curve, Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.fit.frontier import frontier, one_layer
from kvsplice_core.report.frontier_commands import as_command, as_python
from kvsplice_core.report.frontier_table import frontier_csv
from kvsplice_core.tasks.frontier import FrontierSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests import frontier_samples
from tests.factories import make_data
from tests.kvsplice_core.makers import bent_rows

SPECS = (
    FrontierSpec(),
    FrontierSpec(
        pipelines=(Pipeline.of("joined+spline+polynomial:3"), Pipeline.of("blocks:2+lloyd-max")),
        bits=(0.1, 2.0, 2.75),
        calibration=CalibrationSpec(
            recipe=Recipe.JOINT, knots=9, epochs=3, seed=1, device="cpu", curve=Curve.SMOOTH
        ),
        counted_tokens=4_096,
        surrogate=True,
    ),
)


def result(spec, **data):
    return frontier_samples.frontier(spec=spec, data=(make_data(**data),))


@pytest.mark.parametrize("spec", SPECS)
def test_the_parser_reads_back_what_was_measured(spec):
    words = shlex.split(as_command(result(spec, head=None, pooled_heads=3)))
    assert words[:2] == ["kvsplice", "frontier"]
    arguments = build_parser().parse_args(words[1:])
    assert arguments.pool_heads
    read = FrontierSpec(
        arguments.pipelines, arguments.bits, calibration_spec(arguments),
        arguments.counted_tokens, arguments.surrogate,
    )  # fmt: skip
    resolved = replace(
        spec.calibration,
        knots=spec.calibration.resolved_knots,
        epochs=spec.calibration.resolved_epochs,
    )
    assert read == replace(spec, calibration=resolved)


def test_layers_in_the_plural_are_refused():
    twice = frontier_samples.frontier(data=(make_data(), make_data()))
    with pytest.raises(SpecError, match="got 2 layers"):
        as_command(twice)


@pytest.mark.parametrize("heads", [1, 2])
def test_both_give_the_same_numbers(monkeypatch, tmp_path, capsys, heads):
    monkeypatch.chdir(tmp_path)
    rows = bent_rows(240, 4).numpy().reshape(-1, heads, 4)
    np.save("bent vectors.npy", rows if heads > 1 else rows[:, 0])
    values = load_values("bent vectors.npy", pool_heads=True, budget=200, seed=4)
    calibration = CalibrationSpec(recipe=Recipe.ORIGIN, knots=4, epochs=2, seed=3, device="cpu")
    spec = FrontierSpec(
        (Pipeline.of("spline"), Pipeline.of("joined+lloyd-max")), (4.0, 8.0), calibration,
        surrogate=True,
    )  # fmt: skip
    found = run(frontier(one_layer(values), spec, "bent", "the last quarter"))
    exec(compile(as_python(found), "copied.py", "exec"), {})
    expected = [f"{point.pipeline.key} {point.bits} {point.nmse}" for point in found.points]
    assert capsys.readouterr().out.splitlines() == expected
    assert main(shlex.split(as_command(found))[1:]) == 0
    assert Path("frontier.csv").read_text("utf-8") == frontier_csv(found)
