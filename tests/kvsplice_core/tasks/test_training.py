"""Options outside their range are refused by name; the rest resolves to numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, SweepSpec
from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.tasks.training import RECIPE_DEFAULTS


@pytest.mark.parametrize(
    ("options", "came"),
    [
        ({"k": 0}, "k must be at least 1; got 0"),
        ({"k_train": 0}, "k of training must be at least 1; got 0"),
        ({"knots": 2}, "knots must lie between 3 and 64; got 2"),
        ({"knots": 65}, "got 65"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"batch_size": 0}, "batch size must be at least 1; got 0"),
        ({"seed": -1}, "got -1"),
        ({"seed": 2**31}, "seed must lie between 0 and 2147483647"),
        ({"device": "tpu"}, "device must be one of .* got 'tpu'"),
        ({"train_fraction": 0.0}, "training share must lie between 0 and 1; got 0.0"),
        ({"train_fraction": 1.0}, "got 1.0"),
        ({"train_fraction": float("nan")}, "got nan"),
        ({"validation_fraction": 1.0}, "validation share"),
    ],
)
def test_an_option_out_of_range_is_refused(options, came):
    with pytest.raises(SpecError, match=came):
        CalibrationSpec(**options)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_the_recipe_fills_in_what_is_not_named(recipe):
    spec = CalibrationSpec(recipe=recipe)
    assert spec.resolved_knots == RECIPE_DEFAULTS[recipe].knots
    assert spec.resolved_epochs == RECIPE_DEFAULTS[recipe].epochs
    named = CalibrationSpec(recipe=recipe, knots=9, epochs=3)
    assert (named.resolved_knots, named.resolved_epochs) == (9, 3)


@given(
    recipe=st.sampled_from(list(Recipe)),
    n=st.integers(1, 200_000),
    wish=st.none() | st.integers(1, 10_000),
)
def test_a_batch_is_never_larger_than_the_data(recipe, n, wish):
    size = CalibrationSpec(recipe=recipe, batch_size=wish).resolved_batch_size(n)
    assert 1 <= size <= n
    if wish is not None:
        assert size == min(wish, n)
    elif n >= 256:
        assert 256 <= size <= 4096
        assert size == 256 or recipe is Recipe.JOINT


@given(ks=st.lists(st.integers(1, 64), min_size=1), first=st.none() | st.integers(1, 64))
def test_ks_are_sorted_and_the_wished_one_goes_first(ks, first):
    spec = SweepSpec(ks=tuple(ks), first_k=first)
    assert spec.ks == tuple(sorted(set(ks)))
    assert sorted(spec.ordered_ks) == list(spec.ks)
    if first in ks:
        assert spec.ordered_ks[0] == first
    else:
        assert spec.ordered_ks == spec.ks


@given(methods=st.lists(st.sampled_from(list(Method)), min_size=1))
def test_pca_is_always_computed_first(methods):
    spec = SweepSpec(methods=tuple(methods))
    assert spec.methods[0] is Method.PCA
    assert len(set(spec.methods)) == len(spec.methods)
    assert set(spec.methods) == {Method.PCA, *methods}


@pytest.mark.parametrize("options", [{"methods": ()}, {"ks": ()}, {"ks": (0, 3)}])
def test_an_empty_sweep_is_refused(options):
    with pytest.raises(SpecError):
        SweepSpec(**options)


def test_a_row_keeps_everything_but_method_and_k():
    spec = SweepSpec(calibration=CalibrationSpec(seed=3, knots=9))
    assert spec.at(Method.FLOW, 7) == CalibrationSpec(Method.FLOW, 7, seed=3, knots=9)
