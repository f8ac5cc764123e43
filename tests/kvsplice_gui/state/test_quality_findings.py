"""Wishes and findings of quality, without Qt."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.data.capture import Sides
from kvsplice_core.tasks.curve import Cell
from kvsplice_gui.state.findings import CardKey, MeasuredCurve, QualityFindings, empty_map
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import QualityWish
from tests import quality_samples as samples
from tests.quality_samples import FACTS

BOTH = replace(FACTS, sides=Sides.BOTH)


@pytest.mark.parametrize(
    ("wished", "facts", "side"),
    [("", FACTS, "v"), ("k", FACTS, "v"), ("k", BOTH, "k"), ("", BOTH, "both"), ("v", BOTH, "v")],
)
def test_the_side_is_one_the_capture_holds(wished, facts, side):
    assert QualityWish(side=wished).side_of(facts) == side


def test_the_model_is_the_captures_unless_another_is_named():
    assert QualityWish().model_of(FACTS) == "gpt2-mini"
    assert QualityWish(model="gpt2").model_of(FACTS) == "gpt2"


def test_an_impossible_wish_changes_nothing():
    state = State()
    with pytest.raises(SpecError):
        state.wish_quality(mode="sometimes")
    assert state.wishes.quality == QualityWish()


@pytest.mark.parametrize(("held", "sides"), [("v", "v"), ("k", "k"), ("both", "vk")])
def test_a_map_fills_cell_by_cell(held, sides):
    key = CardKey("a", samples.CurveSpec().calibration, held, 10)
    cells = empty_map(FACTS, key, QualityWish())
    assert {side: kl.shape for side, kl in cells.kl.items()} == dict.fromkeys(sides, (4, 4))
    assert not cells.is_whole
    side = sides[-1]
    one = cells.with_cell(Cell(side, 1, 2, 0.5))
    assert one.kl[side][1, 2] == 0.5
    assert sum(np.isfinite(kl).sum() for kl in one.kl.values()) == 1
    assert not any(np.isfinite(kl).any() for kl in cells.kl.values())
    assert {wish: one.side_of(wish) for wish in sides} == {wish: wish for wish in sides}
    assert one.side_of("no side") == sides[0]


def test_a_running_curve_hides_the_last_as_a_ghost_until_it_is_whole():
    last = samples.curve()
    found = QualityFindings(curve=last, starting_over=True, live_points=last.points[:2])
    assert found.points == last.points[:2]
    assert found.shown_ghost is last
    settled = found.settled()
    assert settled.points == last.points
    assert settled.shown_ghost is None


def test_an_invalid_curve_is_no_ghost():
    assert (
        QualityFindings(curve=samples.curve(samples.FAILED), starting_over=True).shown_ghost is None
    )


def test_points_are_invalid_as_soon_as_a_control_has_failed():
    found = QualityFindings(curve=samples.curve(samples.FAILED))
    assert not found.are_points_valid
    running = replace(found, starting_over=True)
    assert running.are_points_valid
    failed = replace(running, live_failed=samples.FAILED[-1:])
    assert not failed.are_points_valid
    assert failed.settled().live_failed == ()


def test_a_curve_that_ends_early_keeps_its_points_and_what_its_text_had_been_read_for():
    last, wish = samples.curve(), QualityWish(tokens=123)
    part = MeasuredCurve(replace(last, points=last.points[:2]), ("emma",))
    running = QualityFindings(curve=last, starting_over=True, live=part, live_wish=wish)
    ended = running.settled()
    assert (ended.curve, ended.curve_wish, ended.curve_leaked) == (part.result, wish, ("emma",))
    assert ended.ghost is last
    assert (ended.live, ended.live_wish, ended.starting_over) == (None, None, False)
    nothing = QualityFindings(curve=last, starting_over=True, live_wish=wish).settled()
    assert nothing.curve is last
    assert nothing.ghost is None
