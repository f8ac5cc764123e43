"""Copies repeat a task: the command reads back as an equal one, the script gives equal results."""

import pickle
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

import kvsplice_core
from kvsplice_core import (
    Budgets,
    CalibrationSpec,
    CaptureSpec,
    CaptureTask,
    ComparisonSpec,
    ComparisonTask,
    CurveSpec,
    CurveTask,
    EvalSpec,
    EvaluateTask,
    FitTask,
    FrontierSpec,
    FrontierTask,
    MeasureTask,
    Pipeline,
    SolveSpec,
    SolveTask,
    SweepSpec,
    SweepTask,
    UpdateSpec,
    UpdateTask,
    VectorSource,
    run,
)
from kvsplice_core.cli import main
from kvsplice_core.cli.parser import parse
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.data.capture import Sides
from kvsplice_core.data.source import source_of
from kvsplice_core.data.vectors import load
from kvsplice_core.report.commands import argv, as_command, as_python
from kvsplice_core.report.sweep_table import csv_text
from tests.factories import make_data
from tests.kvsplice_core.data.writers import write
from tests.kvsplice_core.makers import bent_rows

some = st.integers(1, 999)
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1).filter(
    lambda text: not text.startswith("-")
)
texts = st.lists(words, max_size=2).map(tuple)
pipelines = st.sampled_from(("pca", "joined+lloyd-max", "blocks:2+output", "polynomial:3+int8"))


def calibrations(**more):
    return st.builds(
        CalibrationSpec,
        recipe=st.sampled_from(Recipe),
        knots=st.none() | st.integers(3, 64),
        epochs=st.none() | some,
        seed=st.integers(0, 2**31 - 1),
        device=st.sampled_from(("auto", "cpu", "cuda:1")),
        batch_size=st.none() | some,
        k_train=some,
        train_fraction=st.floats(0.01, 0.99),
        validation_fraction=st.floats(0.01, 0.99),
        curve=st.sampled_from(Curve),
        knot_placement=st.sampled_from(KnotPlacement),
        axes=st.sampled_from([axes for axes in Axes if axes is not Axes.OUTPUT]),
        coupling=st.sampled_from(CouplingKind),
        threads=st.none() | some,
        **more,
    )


sources = st.builds(
    VectorSource,
    words,
    tensor=st.none() | st.text(min_size=1),
    layer=st.none() | st.integers(0, 99),
    pool_heads=st.booleans(),
    axes=st.none() | st.just("token head dim"),
    budget=st.integers(16, 10**6),
    seed=st.integers(0, 99),
)
methods = st.lists(st.sampled_from(tuple(Method)), min_size=1, max_size=3).map(tuple)
ks = st.lists(some, min_size=1, max_size=5).map(tuple)
bits = st.floats(0.1, 16)
evaluations = st.builds(
    EvalSpec,
    st.sampled_from(("strict", "window")),
    some,
    st.integers(2, 9999),
    st.none() | st.just(64),
)
models = st.none() | words
tasks = st.one_of(
    st.builds(
        SweepTask,
        sources,
        st.builds(SweepSpec, methods, ks, calibrations(), earlier_knots=st.just((16, 8))),
    ),
    st.builds(
        FitTask,
        sources,
        calibrations(method=st.sampled_from(tuple(Method)), k=some),
        pipeline=st.just(None),
        bits=st.just(None),
        sides=st.none() | st.sampled_from(Sides),
        layers=st.none() | st.just((0, 3)),
    ),
    st.builds(FitTask, sources, calibrations(), pipelines.map(Pipeline.of), bits),
    st.builds(UpdateTask, words, sources, st.builds(UpdateSpec, st.floats(0, 1), st.none() | some)),
    st.builds(
        CaptureTask,
        words,
        words,
        texts,
        st.builds(CaptureSpec, st.integers(16, 9999), st.just(Sides.BOTH), attention=st.booleans()),
        threads=st.none() | some,
    ),
    st.builds(
        MeasureTask,
        words,
        words,
        st.none() | some,
        some,
        st.sampled_from(("strict", "window")),
        st.sampled_from(("fp32", "bf16")),
    ),
    st.builds(EvaluateTask, words, words, texts, evaluations, sensitivity=st.booleans()),
    st.builds(
        CurveTask,
        words,
        models,
        texts,
        st.builds(CurveSpec, methods, ks, calibrations(), evaluations, st.just("both")),
    ),
    st.builds(
        FrontierTask,
        sources,
        side=st.sampled_from(("v", "k")),
        model=models,
        vectors_only=st.booleans(),
        calibration_texts=texts,
        join_layers=some,
        texts=texts,
        spec=st.builds(
            FrontierSpec,
            st.lists(pipelines.map(Pipeline.of), min_size=1).map(tuple),
            st.lists(bits, min_size=1).map(tuple),
            calibrations(),
            some,
            st.booleans(),
        ),
        evaluation=evaluations,
    ),
    st.builds(
        ComparisonTask,
        sources,
        side=st.sampled_from(("v", "k")),
        model=models,
        through_model=st.booleans(),
        calibration_texts=texts,
        join_layers=some,
        texts=texts,
        spec=st.builds(
            ComparisonSpec,
            st.lists(pipelines.map(Pipeline.of), min_size=1).map(tuple),
            st.builds(Budgets, st.just("k"), ks)
            | st.builds(Budgets, st.just("bits"), st.lists(bits, min_size=1).map(tuple)),
            calibrations(),
            some,
            st.booleans(),
        ),
        evaluation=evaluations,
    ),
    st.builds(
        SolveTask,
        sources.map(lambda one: replace(one, budget=VectorSource("x").budget)),
        st.builds(SolveSpec, pipelines.map(Pipeline.of), bits, calibration=calibrations()),
        model=models,
        texts=texts,
    ),
)


@given(tasks)
def test_a_command_reads_back_as_an_equal_task(task):
    assert parse(argv(task)[1:]) == task
    assert shlex.split(as_command(task)) == argv(task)


@given(tasks)
def test_a_script_makes_an_equal_task(task):
    script = as_python(task).split("result = ")[0]
    made = {}
    exec(compile(script, "copied.py", "exec"), made)
    assert made["task"] == task


@given(tasks)
def test_a_task_travels_to_another_process(task):
    assert pickle.loads(pickle.dumps(task)) == task


def test_the_command_is_the_published_one():
    task = SweepTask(
        VectorSource("geometric-mix"),
        SweepSpec((Method.SPLINE,), (4, 8), CalibrationSpec(recipe=Recipe.ORIGIN, device="cpu")),
    )
    assert as_command(task, "--csv", "results.csv") == (
        "kvsplice sweep geometric-mix --methods pca,spline --ks 4,8 --recipe origin --device cpu "
        "--csv results.csv"
    )


def assert_picks_the_same(source, **choice):
    data = kvsplice_core.load_values(source, **choice).summary
    task = SweepTask(source_of(data), SweepSpec((Method.PCA,), (1,)))
    assert load(parse(argv(task)[1:]).vectors).summary == data


@pytest.mark.parametrize(
    ("source", "choice"),
    [
        ("geometric-mix", {}),
        ("smollm2-v", {}),
        ("smollm2-v", {"layer": 15, "head": 1, "budget": 500, "seed": 3}),
        ("smollm2-v", {"layer": 15, "pool_heads": True, "budget": 1000}),
    ],
)
def test_the_same_vectors_of_a_sample_are_picked(source, choice):
    assert_picks_the_same(source, **choice)


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
def test_the_same_vectors_of_a_file_are_picked(tmp_path, suffix, shape, choice):
    path = write(tmp_path / f"some v's{suffix}", NUMBERS.reshape(shape))
    assert_picks_the_same(str(path), **choice)


@pytest.mark.parametrize(
    "choice", [{}, {"layer": 7}, {"tensor": "model.layers.7.k_proj"}, {"layer": 7, "head": 3}]
)
def test_the_same_of_many_tensors_are_picked(tmp_path, choice):
    names = [f"model.layers.{layer}.{kind}_proj" for layer in (2, 7) for kind in "vk"]
    tensors = {name: NUMBERS[0, 0] + i for i, name in enumerate(names)}
    path = tmp_path / "many.safetensors"
    save_file(tensors, path)
    assert_picks_the_same(str(path), **choice)


def test_a_name_that_looks_like_an_option_is_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.savez("-odd.npz", **{"-v": NUMBERS.reshape(720, 5).numpy()})
    data = kvsplice_core.load_values("-odd.npz").summary
    task = parse(argv(SweepTask(source_of(data)))[1:])
    assert load(task.vectors).summary.sha256 == data.sha256


def test_the_copied_script_gives_the_same_numbers(tmp_path, capsys):
    path = write(tmp_path / "bent.npy", bent_rows(120, 4))
    calibration = CalibrationSpec(
        recipe=Recipe.ORIGIN, epochs=2, knots=4, k_train=2, seed=3, batch_size=16, threads=1
    )
    source = VectorSource(str(path), budget=90, seed=4)
    result = run(SweepTask(source, SweepSpec((Method.SPLINE, Method.FLOW), (1, 2), calibration)))
    exec(compile(as_python(result.task), "copied.py", "exec"), {})
    expected = [f"{row.method.label} {row.k} {row.scores.mse}" for row in result.rows]
    assert capsys.readouterr().out.splitlines() == expected


def test_a_work_begins_with_the_threads_that_are_asked_for(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    path = write(tmp_path / "bent.npy", bent_rows(120, 4))
    spec = SweepSpec((Method.PCA,), (1,), CalibrationSpec(threads=3, device="cpu"))
    run(SweepTask(VectorSource(str(path)), spec))
    assert asked == [3]


def test_the_copied_command_gives_the_same_table(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.save("bent vectors.npy", bent_rows(120, 4).numpy())
    calibration = CalibrationSpec(epochs=3, knots=4, seed=3, device="cpu", threads=1)
    spec = SweepSpec((Method.SPLINE,), (1, 2), calibration)
    result = run(SweepTask(VectorSource("bent vectors.npy"), spec))
    line = as_command(result.task, "--csv", "results.csv")
    assert main(shlex.split(line)[1:]) == 0
    assert Path("results.csv").read_text("utf-8") == csv_text(result)


def test_a_frontier_of_vectors_is_repeated_by_its_script(tmp_path, capsys):
    path = write(tmp_path / "bent.npy", bent_rows(400, 4))
    spec = FrontierSpec((Pipeline.of("pca"), Pipeline.of("rounding")), (4.0,))
    task = FrontierTask(VectorSource(str(path)), spec=spec)
    points = run(task).points
    exec(compile(as_python(task), "copied.py", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"{one.pipeline.key} {one.bits} {one.nmse}" for one in points]


def test_a_comparison_is_repeated_by_its_script(tmp_path, capsys):
    path = write(tmp_path / "bent.npy", bent_rows(400, 4))
    spec = ComparisonSpec((Pipeline.of("pca"), Pipeline.of("spline")), Budgets.of("k=1,2"))
    calibration = replace(spec.calibration, epochs=2, seed=3, threads=1)
    task = ComparisonTask(VectorSource(str(path)), spec=replace(spec, calibration=calibration))
    points = run(task).points
    exec(compile(as_python(task), "copied.py", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"{one.pipeline.key} {one.bits} {one.mse}" for one in points]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"available": 8192}, None),
        ({"available": 90_000}, 8192),
        ({"vectors": 150_000, "available": 150_000}, 150_000),
    ],
)
def test_a_budget_is_asked_for_where_it_decides(changes, expected):
    assert source_of(make_data(**changes)).budget == (expected or 120_000)


@pytest.mark.parametrize(
    "source",
    ["my file's.npz", "C:\\V\\x y.safetensors", "$(rm).pt", '"q".npy', "a\nb.npz", "--x.npz"],
)
@pytest.mark.parametrize("tensor", ["a b", "--layer", "-1", "é'\n"])
def test_odd_names_survive_quoting(source, tensor):
    task = SweepTask(VectorSource(source, tensor=tensor))
    back = parse(shlex.split(as_command(task))[1:]).vectors
    assert (Path(back.data), back.tensor) == (Path(source), tensor)


def test_an_array_stands_as_the_file_it_may_be_saved_to():
    assert source_of(make_data(source="array", tensor="array", layer=None)).data == "vectors.npy"
