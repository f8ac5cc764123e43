"""The copied command and script ask for the same vectors and the same sweep."""

import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

import kvsplice_core
from kvsplice_core import run, sweep
from kvsplice_core.cli import main
from kvsplice_core.cli.options import calibration_spec, read_values
from kvsplice_core.cli.parser import build_parser
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.report.commands import as_command, as_python
from kvsplice_core.report.sweep_table import csv_text
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.factories import make_data
from tests.kvsplice_core.data.writers import write
from tests.kvsplice_core.makers import bent_rows

SPEC = SweepSpec((Method.SPLINE,), (4, 8), CalibrationSpec(recipe=Recipe.ORIGIN, seed=7))


def parse(command):
    program, *words = shlex.split(command)
    assert program == "kvsplice"
    return build_parser().parse_args(words)


def execute(script, monkeypatch, data=None):
    """Run a script with `load_values`, `sweep` and `run` replaced; return what they were given."""
    seen = {}

    def load_values(source, **choice):
        seen.update(source=source, choice=choice)
        return data

    def sweep(values, spec):
        seen.update(spec=spec)

    monkeypatch.setattr(kvsplice_core, "load_values", load_values)
    monkeypatch.setattr(kvsplice_core, "sweep", sweep)
    monkeypatch.setattr(kvsplice_core, "run", lambda work: SimpleNamespace(rows=()))
    exec(compile(script, "copied.py", "exec"), {})
    return seen


def test_the_command_is_the_published_one():
    data = make_data(
        source="geometric-mix", tensor="array", layer=None, head=None, axes="token dim"
    )
    assert as_command(data, SPEC, device="cpu") == (
        "kvsplice sweep geometric-mix --axes 'token dim' --methods pca,spline --ks 4,8 "
        "--recipe origin --knots 7 --epochs 12 --seed 7 --device cpu --csv results.csv"
    )


specs = st.builds(
    SweepSpec,
    methods=st.lists(st.sampled_from(list(Method)), min_size=1, max_size=3).map(tuple),
    ks=st.lists(st.integers(1, 64), min_size=1, max_size=5).map(tuple),
    calibration=st.builds(
        CalibrationSpec,
        recipe=st.sampled_from(Recipe),
        knots=st.none() | st.integers(3, 64),
        epochs=st.none() | st.integers(1, 99),
        seed=st.integers(0, 2**31 - 1),
        batch_size=st.none() | st.integers(1, 9999),
        k_train=st.integers(1, 64),
        train_fraction=st.floats(0.01, 0.99),
        curve=st.sampled_from(Curve),
        knot_placement=st.sampled_from(KnotPlacement),
        axes=st.sampled_from([axes for axes in Axes if axes is not Axes.OUTPUT]),
        coupling=st.sampled_from(CouplingKind),
    ),
)


def resolved(spec, device):
    calibration = spec.calibration
    return replace(
        calibration,
        knots=calibration.resolved_knots,
        epochs=calibration.resolved_epochs,
        device=device,
    )


@given(specs)
def test_the_command_asks_for_the_same_sweep(spec):
    arguments = parse(as_command(make_data(), spec, device="cuda:1"))
    assert SweepSpec(arguments.methods, arguments.ks).methods == spec.methods
    assert arguments.ks == spec.ks
    assert calibration_spec(arguments) == resolved(spec, "cuda:1")


@pytest.mark.parametrize(
    "calibration",
    [
        CalibrationSpec(),
        CalibrationSpec(Method.FLOW, recipe=Recipe.ORIGIN, knots=9, epochs=3, seed=1),
        CalibrationSpec(
            curve=Curve.RATIONAL_QUADRATIC,
            knot_placement=KnotPlacement.UNIFORM,
            axes=Axes.PCA,
            coupling=CouplingKind.RATIONAL_QUADRATIC,
        ),
        CalibrationSpec(batch_size=77, k_train=3, train_fraction=0.6, validation_fraction=0.2),
    ],
)
def test_the_script_asks_for_the_same_sweep(monkeypatch, calibration):
    spec = SweepSpec(calibration=replace(calibration, method=Method.SPLINE, k=16))
    seen = execute(as_python(make_data(), spec, device="mps"), monkeypatch)
    assert seen["spec"] == replace(spec, calibration=resolved(spec, "mps"))


def assert_both_pick_the_same(monkeypatch, source, **choice):
    load_values = kvsplice_core.load_values
    data = load_values(source, **choice).summary
    arguments = parse(as_command(data, SPEC, device="cpu"))
    arguments.threads = 1
    assert read_values(arguments).summary == data
    seen = execute(as_python(data, SPEC, device="cpu"), monkeypatch)
    assert load_values(seen["source"], **seen["choice"]).summary == data


@pytest.mark.parametrize(
    ("source", "choice"),
    [
        ("geometric-mix", {}),
        ("smollm2-v", {}),
        ("smollm2-v", {"layer": 15, "head": 1, "budget": 500, "seed": 3}),
        ("smollm2-v", {"layer": 15, "pool_heads": True, "budget": 1000}),
    ],
)
def test_both_pick_the_same_vectors_of_a_sample(monkeypatch, source, choice):
    assert_both_pick_the_same(monkeypatch, source, **choice)


NUMBERS = torch.randn(3, 2, 4, 30, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("shape", "choice"),
    [
        ((720, 5), {}),
        ((720, 5), {"budget": 100, "seed": 9}),
        ((4, 180, 5), {"head": 3}),
        ((4, 180, 5), {"pool_heads": True, "budget": 200}),
        ((180, 4, 5), {"axes": "token head dim", "head": 2}),
        ((24, 30, 5), {"axes": "layer token dim", "layer": 23}),
        ((24, 30, 5), {"axes": "token head dim", "pool_heads": True}),
        ((3, 8, 30, 5), {"axes": "layer head token dim", "layer": 2, "head": 7}),
        ((3, 2, 4, 30, 5), {"layer": 1, "head": 1, "budget": 40, "seed": 1}),
        ((3, 2, 4, 30, 5), {"pool_heads": True}),
    ],
)
def test_both_pick_the_same_vectors_of_a_file(monkeypatch, tmp_path, suffix, shape, choice):
    path = write(tmp_path / f"some v's{suffix}", NUMBERS.reshape(shape))
    assert_both_pick_the_same(monkeypatch, str(path), **choice)


@pytest.mark.parametrize(
    "choice", [{}, {"layer": 7}, {"tensor": "model.layers.7.k_proj"}, {"layer": 7, "head": 3}]
)
def test_both_pick_the_same_of_many_tensors(monkeypatch, tmp_path, choice):
    names = [f"model.layers.{layer}.{kind}_proj" for layer in (2, 7) for kind in "vk"]
    tensors = {name: NUMBERS[0, 0] + i for i, name in enumerate(names)}
    path = tmp_path / "many.safetensors"
    save_file(tensors, path)
    assert_both_pick_the_same(monkeypatch, str(path), **choice)


def test_a_name_that_looks_like_an_option_is_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.savez("-odd.npz", **{"-v": NUMBERS.reshape(720, 5).numpy()})
    data = kvsplice_core.load_values("-odd.npz").summary
    arguments = parse(as_command(data, SPEC, device="cpu"))
    arguments.threads = 1
    assert read_values(arguments).summary.sha256 == data.sha256


def test_the_copied_script_gives_the_same_numbers(monkeypatch, tmp_path, capsys):
    path = write(tmp_path / "bent.npy", bent_rows(120, 4))
    calibration = CalibrationSpec(
        recipe=Recipe.ORIGIN, epochs=2, knots=4, k_train=2, seed=3, batch_size=16, device="cpu"
    )
    values = kvsplice_core.load_values(str(path), budget=90, seed=4)
    result = run(sweep(values, SweepSpec((Method.SPLINE, Method.FLOW), (1, 2), calibration)))
    script = as_python(result.data, result.spec, device=result.device)
    exec(compile(script, "copied.py", "exec"), {})
    expected = [f"{row.method.label} {row.k} {row.scores.mse}" for row in result.rows]
    assert capsys.readouterr().out.splitlines() == expected


def test_the_copied_command_gives_the_same_table(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.save("bent vectors.npy", bent_rows(120, 4).numpy())
    calibration = CalibrationSpec(epochs=3, knots=4, seed=3, device="cpu")
    spec = SweepSpec((Method.SPLINE,), (1, 2), calibration)
    result = run(sweep(kvsplice_core.load_values("bent vectors.npy"), spec))
    words = shlex.split(as_command(result.data, result.spec, device=result.device))
    assert main(words[1:]) == 0
    assert Path("results.csv").read_text("utf-8") == csv_text(result)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"available": 8192}, None),
        ({"available": 90_000}, 8192),
        ({"vectors": 150_000, "available": 150_000}, 150_000),
    ],
)
def test_a_budget_is_asked_for_where_it_decides(changes, expected):
    arguments = parse(as_command(make_data(**changes), SPEC, device="cpu"))
    assert arguments.budget == (expected or 120_000)


@pytest.mark.parametrize(
    "source",
    ["my file's.npz", "C:\\V\\x y.safetensors", "$(rm).pt", '"q".npy', "a\nb.npz", "--x.npz"],
)
@pytest.mark.parametrize("tensor", ["a b", "--layer", "-1", "é'\n"])
def test_odd_names_survive_quoting(monkeypatch, source, tensor):
    data = make_data(source=source, tensor=tensor)
    arguments = parse(as_command(data, SPEC, device="cpu"))
    assert (Path(arguments.data), arguments.tensor) == (Path(source), tensor)
    seen = execute(as_python(data, SPEC, device="cpu"), monkeypatch)
    assert (seen["source"], seen["choice"]["tensor"]) == (source, tensor)


def test_an_array_stands_as_the_file_it_may_be_saved_to():
    data = make_data(source="array", tensor="array", layer=None)
    assert parse(as_command(data, SPEC, device="cpu")).data == "vectors.npy"
    assert "load_values('vectors.npy', " in as_python(data, SPEC, device="cpu")
