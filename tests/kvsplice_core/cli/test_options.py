"""Lists on the command line, and what the options add up to."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.cli.options import (
    add_calibration_options,
    calibration_spec,
    parse_ks,
    parse_methods,
    positive_int,
)
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method, Recipe
from kvsplice_core.tasks.training import CalibrationSpec

ranges = st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda r: (r[0], r[0] + r[1]))


@given(st.lists(ranges, min_size=1, max_size=5))
def test_ranges_hold_both_ends_and_all_between(spans):
    text = ",".join(f"{first}-{last}" for first, last in spans)
    expected = [k for first, last in spans for k in range(first, last + 1)]
    assert list(parse_ks(text)) == expected


@given(st.lists(st.integers(1, 999), min_size=1, max_size=9))
def test_numbers_come_back(ks):
    assert list(parse_ks(", ".join(map(str, ks)))) == ks


@pytest.mark.parametrize(
    "text", ["", "8,", "a", "1.5", "-4", "4-", "8-4", "0", "0-4", "²", "1-2-3", "1-999999999"]
)
def test_other_ks_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"got"):
        parse_ks(text)


@given(st.lists(st.sampled_from(list(Method)), min_size=1))
def test_methods_come_back(methods):
    assert list(parse_methods(",".join(method.key for method in methods))) == methods


@pytest.mark.parametrize("text", ["", "PCA", "pca,,flow"])
def test_other_methods_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be one of pca, spline, flow"):
        parse_methods(text)


@given(st.integers())
def test_positive_integers_only(number):
    if number >= 1:
        assert positive_int(str(number)) == number
    else:
        with pytest.raises(argparse.ArgumentTypeError):
            positive_int(str(number))


def parsed(*arguments: str) -> CalibrationSpec:
    parser = argparse.ArgumentParser()
    add_calibration_options(parser)
    return calibration_spec(parser.parse_args(arguments))


def test_no_options_are_the_defaults_of_the_core():
    assert parsed() == CalibrationSpec()


def test_every_option_reaches_the_spec():
    options = "--recipe origin --knots 9 --epochs 3 --seed 8 --device cpu --batch-size 32"
    options += " --curve smooth --knot-placement learnt --transform-axes whitened"
    options += " --coupling rational-quadratic --k-train 4 --train-fraction 0.5"
    assert parsed(*options.split()) == CalibrationSpec(
        recipe=Recipe.ORIGIN,
        knots=9,
        epochs=3,
        seed=8,
        device="cpu",
        batch_size=32,
        k_train=4,
        train_fraction=0.5,
        curve=Curve.SMOOTH,
        knot_placement=KnotPlacement.LEARNT,
        axes=Axes.WHITENED,
        coupling=CouplingKind.RATIONAL_QUADRATIC,
    )
