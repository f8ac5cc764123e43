"""What is shown of a frontier follows from wishes and findings alone."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Axes, Curve, Method, Recipe
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.state.findings import Findings, FrontierFindings
from kvsplice_gui.state.wishes import DataWish, Wishes
from tests.frontier_samples import PIPELINES, frontier, point
from tests.quality_samples import FAILED

WISHES = Wishes(data=DataWish("a.npy", layer=3, head=1))


def found(result=None, **fields):
    key = frontier_readouts.key_of(WISHES, Findings())
    return Findings(frontier=FrontierFindings(result or frontier(), key, **fields))


@pytest.mark.parametrize("text", ["1, 2,2.5", "1 2 2.5", " 1;2; 2.5 "])
def test_bits_are_read_however_they_are_parted(text):
    assert frontier_readouts.parse_bits(text) == (1.0, 2.0, 2.5)


def test_what_is_no_number_is_refused():
    with pytest.raises(SpecError, match="must be numbers such as"):
        frontier_readouts.parse_bits("1, two")


@pytest.mark.parametrize("measure", ["nmse", "nll", "kl"])
def test_lines_hold_every_point_once_in_order_of_bits(measure):
    result = frontier(of_model=True)
    lines = frontier_readouts.lines_of(result, measure)
    assert [line.pipeline for line in lines] == list(PIPELINES)
    assert sum(len(line.points) for line in lines) == len(result.points)
    for line in lines:
        assert (np.diff(line.bits) > 0).all()
        assert (line.low <= line.value).all()
        assert (line.value <= line.high).all()


def test_without_a_model_there_is_only_nmse():
    assert frontier_readouts.lines_of(frontier(), "nll") == ()
    wishes = WISHES.but(frontier=replace(WISHES.frontier, measure="kl"))
    assert frontier_readouts.shown_measure(wishes, found()) == "nmse"
    assert frontier_readouts.shown_measure(wishes, found(frontier(of_model=True))) == "kl"


def test_all_heads_are_one_frontier_but_layers_are_not():
    findings = found()
    other_head = WISHES.but(data=replace(WISHES.data, head=0))
    assert not frontier_readouts.is_stale(other_head, findings)
    other_layer = WISHES.but(data=replace(WISHES.data, layer=4))
    assert frontier_readouts.is_stale(other_layer, findings)
    text, is_error = frontier_readouts.notice(other_layer, findings)
    assert "measure again" in text
    assert not is_error


def test_a_failed_audit_leaves_no_sentence_and_an_error():
    findings = found(frontier(audit=FAILED), chosen=(PIPELINES[0], 2.5))
    text, is_error = frontier_readouts.notice(WISHES, findings)
    assert is_error
    assert "not valid" in text
    assert frontier_readouts.best(WISHES, findings) == ""
    assert frontier_readouts.sentence(findings) == ""


def test_a_cancelled_one_and_its_leaks_are_told():
    text, _ = frontier_readouts.notice(WISHES, found(is_whole=False, leaked=("emma",)))
    assert "Cancelled" in text
    assert "calibrated on emma" in text


def test_every_reason_for_a_missing_point_is_told():
    text, reasons = frontier_readouts.left_out(frontier())
    assert text.startswith("1 point left out")
    assert frontier().left_out[0] in reasons
    assert frontier_readouts.left_out(frontier(left_out=())) == ("", "")


def test_a_point_of_one_head_sets_its_k_and_joined_ones_leave_it():
    wish_of, result = frontier_readouts.wish_of, frontier()
    alone = wish_of(point("spline", 4.0), result, WISHES, 64)
    assert (alone["k"], alone["method"], alone["recipe"]) == (16, Method.SPLINE, Recipe.ORIGIN)
    assert "k" not in wish_of(point("joined", 4.0), result, WISHES, 64)
    assert "k" not in wish_of(point("joined+lloyd-max", 4.0), result, WISHES, 64)
    assert wish_of(point("flow", 4.0), result, WISHES, 8)["k"] == 8


def test_a_point_sets_the_axes_of_its_pipeline_where_they_need_no_model():
    wish_of, result = frontier_readouts.wish_of, frontier()
    wished = WISHES.but(axes=Axes.WHITENED, curve=Curve.SMOOTH)
    changes = wish_of(point("spline", 4.0), result, wished, 64)
    assert (changes["axes"], changes["curve"]) == (Axes.RAW, Curve.LINEAR)
    spline = point("spline", 4.0)
    for axes in (Axes.PCA, Axes.OUTPUT):
        turned = replace(spline, pipeline=replace(spline.pipeline, axes=axes))
        known = wish_of(turned, result, wished, 64).get("axes")
        assert known is (None if axes is Axes.OUTPUT else axes)


def test_the_crosshair_reads_value_bits_and_gap():
    text = frontier_readouts.describe(point("joined", 2.5), "nmse")
    assert text.startswith("heads joined · PCA · 2.51\u00a0bits · NMSE 0.141")
    assert "2.00 dB over the bound" in text


def test_without_a_model_what_needs_its_output_projection_is_left_out():
    spec = frontier_readouts.frontier_spec(WISHES, Findings())
    assert not any(one.axes is Axes.OUTPUT for one in spec.pipelines)
    only = WISHES.but(frontier=replace(WISHES.frontier, pipelines=("joined+output",)))
    assert frontier_readouts.frontier_spec(only, Findings()).pipelines[0].axes is Axes.OUTPUT
