"""Wishes and findings of quality, without Qt."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.capture.specs import Sides
from kvsplice_core.errors import SpecError
from kvsplice_core.quality.curve_results import SensitivityStep
from kvsplice_gui.quality_state import CardKey, QualityFindings, QualityWish, empty_map
from kvsplice_gui.state import State
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


def test_a_map_fills_cell_by_cell():
    key = CardKey("a", samples.CurveSpec().calibration, "v", 10)
    cells = empty_map(FACTS, key, QualityWish())
    assert cells.kl.shape == (4, 4)
    assert not cells.is_whole
    one = cells.with_cell(SensitivityStep("layer 1 head 2", 0.1, 1, 2, 0.5))
    assert one.kl[1, 2] == 0.5
    assert np.isfinite(one.kl).sum() == 1
    assert not np.isfinite(cells.kl).any()
    assert one.with_cell(SensitivityStep("reading", 0.2)) is one


def test_a_running_curve_hides_the_last_as_a_ghost_until_it_is_whole():
    last = samples.curve()
    found = QualityFindings(curve=last, starting_over=True, live_points=last.points[:2])
    assert found.points == last.points[:2]
    assert found.shown_ghost is last
    settled = found.settled()
    assert settled.points == last.points
    assert settled.shown_ghost is None
