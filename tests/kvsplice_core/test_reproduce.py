"""The copied command and script ask for the same vectors and the same sweep."""

import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kvsplice_core
from kvsplice_core.cli.options import calibration_spec, read_values
from kvsplice_core.cli.parser import build_parser
from kvsplice_core.methods import Method
from kvsplice_core.reproduce import as_command, as_python
from kvsplice_core.specs import CalibrationSpec, Recipe, SweepSpec
from tests.factories import make_data

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
        CalibrationSpec(batch_size=77, k_train=3, train_fraction=0.6, validation_fraction=0.2),
    ],
)
def test_the_script_asks_for_the_same_sweep(monkeypatch, calibration):
    spec = SweepSpec(calibration=replace(calibration, method=Method.SPLINE, k=16))
    seen = execute(as_python(make_data(), spec, device="mps"), monkeypatch)
    assert seen["spec"] == replace(spec, calibration=resolved(spec, "mps"))


@pytest.mark.parametrize(
    "choice",
    [
        {"source": "geometric-mix"},
        {"source": "smollm2-v"},
        {"source": "smollm2-v", "layer": 15, "head": 1, "budget": 500, "seed": 3},
        {"source": "smollm2-v", "layer": 15, "pool_heads": True, "budget": 1000},
    ],
)
def test_both_pick_the_same_vectors(monkeypatch, choice):
    load_values = kvsplice_core.load_values
    data = load_values(**choice).summary
    arguments = parse(as_command(data, SPEC, device="cpu"))
    arguments.threads = 1
    assert read_values(arguments).summary == data
    seen = execute(as_python(data, SPEC, device="cpu"), monkeypatch)
    assert load_values(seen["source"], **seen["choice"]).summary == data


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
    "source", ["my file's.npz", "C:\\V\\x y.safetensors", "$(rm).pt", '"q".npy']
)
def test_odd_paths_survive_quoting(monkeypatch, source):
    data = make_data(source=source, tensor="a b")
    arguments = parse(as_command(data, SPEC, device="cpu"))
    assert (arguments.data, arguments.tensor) == (source, "a b")
    seen = execute(as_python(data, SPEC, device="cpu"), monkeypatch)
    assert (seen["source"], seen["choice"]["tensor"]) == (source, "a b")


def test_an_array_stands_as_the_file_it_may_be_saved_to():
    data = make_data(source="array", tensor="array", layer=None)
    assert parse(as_command(data, SPEC, device="cpu")).data == "vectors.npy"
    assert "load_values('vectors.npy', " in as_python(data, SPEC, device="cpu")
