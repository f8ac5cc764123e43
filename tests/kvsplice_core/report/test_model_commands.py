"""What repeats pipelines in a model's cache asks for exactly what was measured."""

import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest

import kvsplice_core
from kvsplice_core.cli.evaluations import evaluation_spec
from kvsplice_core.cli.parser import build_parser
from kvsplice_core.cli.solve import _spec as spec_of
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.report.model_commands import (
    Reading,
    frontier_command,
    frontier_python,
    solve_command,
    solve_python,
)
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import FrontierSpec
from kvsplice_core.tasks.solve import SolveSpec
from kvsplice_core.tasks.training import CalibrationSpec

READING = Reading("a b.safetensors", "my model", ("x y.txt", "-z.txt"))
READ = EvalSpec(mode="window", window=12, tokens=777, context=64)
CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, knots=9, epochs=3, seed=1, device="cpu")
SOLVED = (
    SolveSpec(bits=2.5, calibration=CALIBRATION, evaluation=EvalSpec(seed=1)),
    SolveSpec(
        pipeline=Pipeline.of("joined+companded"), bits=1 / 3, key_bits=4, sides=Sides.BOTH,
        calibration=CALIBRATION, evaluation=replace(READ, seed=1), counted_tokens=512, budget=640,
    ),
    SolveSpec(
        max_dnll=0.05, sides=Sides.K, calibration=CALIBRATION, evaluation=replace(READ, seed=1)
    ),
)  # fmt: skip


def parse(command, name):
    words = shlex.split(command)
    assert words[:2] == ["kvsplice", name]
    arguments = build_parser().parse_args(words[1:])
    assert (arguments.data, arguments.model) == ("a b.safetensors", "my model")
    assert list(arguments.text) == ["x y.txt", "./-z.txt"]
    return arguments


def execute(script, monkeypatch, work):
    """Run a script whose work is replaced; return what the work and the readers were given."""
    seen = {}

    def note(name, answer):
        def called(*given, **more):
            seen.setdefault(name, []).append((given, more))
            return answer

        monkeypatch.setattr(kvsplice_core, name, called)

    for name in ("open_capture", "load_model", "documents_for", "save_card", work):
        note(name, name)
    shown = SimpleNamespace(points=(), shares=())
    note("run", SimpleNamespace(points=(), result=shown, card=None))
    exec(compile(script, "copied.py", "exec"), {})
    return seen


def test_the_parser_reads_back_a_frontier():
    spec = FrontierSpec((Pipeline.of("joined+output"),), (2.0,), CALIBRATION)
    arguments = parse(frontier_command(READING, spec, READ, side="k", budget=640), "frontier")
    assert (arguments.pipelines, arguments.bits) == (spec.pipelines, spec.bits)
    assert (arguments.side, arguments.budget) == ("k", 640)
    assert evaluation_spec(arguments) == READ


def test_the_script_asks_for_the_same_frontier(monkeypatch):
    spec = FrontierSpec((Pipeline.of("joined+output"),), (2.0,), CALIBRATION)
    script = frontier_python(READING, spec, READ, side="k", budget=640)
    ((given, more),) = execute(script, monkeypatch, "model_frontier")["model_frontier"]
    assert given == ("load_model", "open_capture", "documents_for", spec, READ)
    assert more == {"side": "k", "budget": 640}


@pytest.mark.parametrize("spec", SOLVED)
def test_the_parser_reads_back_what_was_solved(spec):
    assert spec_of(parse(solve_command(READING, spec), "solve")) == spec


@pytest.mark.parametrize("spec", SOLVED)
def test_the_script_solves_for_the_same(monkeypatch, spec):
    seen = execute(solve_python(READING, spec), monkeypatch, "solve")
    assert seen["solve"] == [(("load_model", "open_capture", "documents_for", spec, ()), {})]
    assert seen["load_model"] == [(("my model",), {"device": "cpu"})]
    assert seen["documents_for"] == [(("my model", READING.texts, "heldout"), {})]


def test_the_bundled_model_is_probed_on_its_calibration_books(monkeypatch):
    reading = Reading("v.safetensors", "gpt2-mini")
    seen = execute(solve_python(reading, SOLVED[0]), monkeypatch, "solve")
    assert seen["documents_for"][1] == (("gpt2-mini", (), "calibration"), {})
    assert "--text" not in solve_command(reading, SOLVED[0])
