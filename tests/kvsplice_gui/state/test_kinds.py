"""Kinds of transforms in words, and what may be compared, drawn and edited."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, KnotPlacement, Method
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.knot_edits import Edit, KnotEdits
from kvsplice_gui.state.wishes import Wishes
from tests.factories import make_result, make_row

WISHES = Wishes()
RESULT = make_result()
options = st.fixed_dictionaries(
    {
        "curve": st.sampled_from(Curve),
        "knot_placement": st.sampled_from(KnotPlacement),
        "axes": st.sampled_from(kinds.AXES_CHOICES),
        "coupling": st.sampled_from(CouplingKind),
    }
)


def row_of(method=Method.SPLINE, **changes):
    return make_row(method, 4, SweepSpec(calibration=CalibrationSpec(**changes)))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (CalibrationSpec(knots=16), "spline 16 knots"),
        (CalibrationSpec(coupling=CouplingKind.RATIONAL_QUADRATIC, knots=3), "spline 3 knots"),
        (
            CalibrationSpec(curve=Curve.RATIONAL_QUADRATIC, axes=Axes.PCA),
            "spline 16 knots, rational-quadratic, PCA axes",
        ),
        (
            CalibrationSpec(knot_placement=KnotPlacement.LEARNT, axes=Axes.WHITENED),
            "spline 16 knots, learnt knots, whitened axes",
        ),
        (CalibrationSpec(Method.FLOW, curve=Curve.SMOOTH), "flow"),
        (
            CalibrationSpec(Method.FLOW, coupling=CouplingKind.RATIONAL_QUADRATIC, axes=Axes.PCA),
            "flow, rational-quadratic couplings, PCA axes",
        ),
    ],
)
def test_only_what_is_unusual_and_heeded_is_named(spec, said):
    assert kinds.name(spec) == said


@given(options)
def test_the_words_of_a_sweep_are_those_of_its_methods_once(changes):
    spec = SweepSpec(calibration=CalibrationSpec(**changes))
    said = kinds.words_of_sweep(spec)
    assert len(set(said)) == len(said)
    assert set(said) == {
        word for m in spec.methods for word in kinds.words(CalibrationSpec(m, **changes))
    }


@given(options, options, st.sampled_from([Method.SPLINE, Method.FLOW]))
def test_a_row_is_of_another_kind_exactly_where_what_its_method_heeds_differs(old, new, method):
    wishes = WISHES.but(method=method, **new)
    heeded = {
        Method.SPLINE: ("curve", "knot_placement", "axes"),
        Method.FLOW: ("coupling", "axes"),
    }[method]
    differs = any(old[name] is not new[name] for name in heeded)
    assert bool(kinds.changed(row_of(method, **old), wishes)) is differs


def test_what_a_hand_made_is_of_no_other_kind():
    row = row_of()
    edited = replace(row, calibration=replace(row.calibration, edited=True))
    assert kinds.changed(edited, WISHES.but(curve=Curve.SMOOTH)) == ""


def test_straight_lines_in_place_of_a_method_are_in_raw_axes():
    row = row_of(axes=Axes.PCA)
    assert kinds.axes_of(row) is Axes.PCA
    assert kinds.axes_of(replace(row, shape=None)) is Axes.RAW
    assert kinds.axes_of(None) is Axes.RAW


def test_a_running_calibration_draws_in_the_axes_it_was_asked_for():
    turned = replace(RESULT, spec=SweepSpec(calibration=CalibrationSpec(axes=Axes.PCA)))
    found = Findings(result=turned, asked=CalibrationSpec(axes=Axes.WHITENED))
    assert kinds.live_axes(found) is Axes.PCA  # adds to the result
    assert kinds.live_axes(replace(found, starting_over=True)) is Axes.WHITENED
    in_hand = KnotEdits((Edit("", SimpleNamespace()),), is_open=True)
    assert kinds.live_axes(replace(found, knots=in_hand)) is Axes.RAW
    assert kinds.live_axes(Findings()) is Axes.RAW


@pytest.mark.parametrize(
    ("changes", "can"),
    [
        ({}, True),
        ({"curve": Curve.SMOOTH}, True),
        ({"knot_placement": KnotPlacement.LEARNT}, True),
        ({"curve": Curve.RATIONAL_QUADRATIC}, False),
        ({"axes": Axes.PCA}, False),
        ({"axes": Axes.WHITENED}, False),
    ],
)
def test_a_hand_takes_straight_pieces_in_raw_axes_only(changes, can):
    wished, calibrated = WISHES.but(**changes), row_of(**changes)
    assert (kinds.why_no_hand(wished, None) == "") is can
    reason = kinds.why_no_hand(WISHES, calibrated)
    assert (reason == "") is can
    assert can or reason.endswith("calibrate again.")
    # Where PCA was kept, a hand begins with straight lines.
    assert kinds.why_no_hand(WISHES, replace(calibrated, shape=None)) == ""


@pytest.mark.parametrize("method", [Method.PCA, Method.FLOW])
def test_other_methods_have_no_knots(method):
    assert kinds.why_no_hand(WISHES.but(method=method), None) == kinds.ONLY_SPLINES
