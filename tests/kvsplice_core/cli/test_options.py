"""The command line of a task is made of its options, and reads back as the task."""

import argparse
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.options import option, part
from kvsplice_core.cli.options import positive_int, task_command, task_of
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Recipe
from kvsplice_core.report.commands import argv, as_python
from kvsplice_core.tasks.task import Task
from kvsplice_core.tasks.training import CalibrationSpec


@dataclass(frozen=True)
class Calibrating(Task):
    command: ClassVar[str] = "calibrating"
    runner: ClassVar[str] = "none:none"

    data: str = option("Data", "what to read", flag="DATA")
    calibration: CalibrationSpec = part(CalibrationSpec, "calibration", without=("method", "k"))


def parsed(task, *words):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    task_command(commands, task, "a task", lambda _: 0)
    return task_of(parser.parse_args([task.command, *words]))


def test_no_options_are_the_defaults_of_the_core():
    assert parsed(Calibrating, "x.npy") == Calibrating("x.npy")


def test_every_option_reaches_the_spec():
    options = "--recipe origin --knots 9 --epochs 3 --seed 8 --device cpu --batch-size 32"
    options += " --curve smooth --knot-placement learnt --transform-axes whitened --threads 3"
    options += " --coupling rational-quadratic --k-train 4 --train-fraction 0.5"
    options += " --validation-fraction 0.25"
    calibration = CalibrationSpec(
        recipe=Recipe.ORIGIN,
        knots=9,
        epochs=3,
        seed=8,
        device="cpu",
        batch_size=32,
        k_train=4,
        train_fraction=0.5,
        validation_fraction=0.25,
        curve=Curve.SMOOTH,
        knot_placement=KnotPlacement.LEARNT,
        axes=Axes.WHITENED,
        coupling=CouplingKind.RATIONAL_QUADRATIC,
        threads=3,
    )
    assert parsed(Calibrating, "x.npy", *options.split()) == Calibrating("x.npy", calibration)


def test_what_an_owner_sets_has_no_option():
    with pytest.raises(SystemExit):
        parsed(Calibrating, "x.npy", "--k", "3")


@dataclass(frozen=True)
class Patient(CalibrationSpec):
    """A calibration with one option more than the product knows."""

    patience: int = option("Patience", "epochs without a gain that are endured", 3, low=1)


@dataclass(frozen=True)
class PatientTask(Task):
    command: ClassVar[str] = "patient"
    runner: ClassVar[str] = "none:none"

    calibration: Patient = part(Patient, "calibration", without=("method", "k"))


@given(st.integers(1, 99))
def test_an_option_declared_here_is_on_the_command_line_and_in_both_copies(patience):
    task = PatientTask(Patient(patience=patience))
    assert parsed(PatientTask, "--patience", str(patience)) == task
    assert parsed(PatientTask, *argv(task)[2:]) == task
    assert (f"patience={patience}," in as_python(task)) == (patience != 3)


@given(st.integers())
def test_positive_integers_only(number):
    if number >= 1:
        assert positive_int(str(number)) == number
    else:
        with pytest.raises(argparse.ArgumentTypeError):
            positive_int(str(number))
