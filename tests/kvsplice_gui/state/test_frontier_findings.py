"""Wishes become a spec or are refused; findings keep what a cancelled run measured."""

from dataclasses import replace

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES, Pipeline
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.findings import FrontierFindings, FrontierKey
from kvsplice_gui.state.session import session_of, wishes_of
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import DataWish, FrontierWish, Wishes
from tests.frontier_samples import frontier

KEY = FrontierKey(DataWish("a.npy"), 5)


def test_the_usual_wish_asks_for_the_usual_pipelines():
    spec = FrontierWish().spec(Wishes().but(seed=7).pipeline_calibration)
    assert spec.pipelines == DEFAULT_PIPELINES
    assert (spec.calibration.seed, spec.calibration.recipe) == (7, Recipe.ORIGIN)


def test_a_typed_pipeline_stands_behind_the_usual_ones():
    wish = FrontierWish(typed=("joined+mlp",), pipelines=("joined+mlp", "pca"))
    assert [p.key for p in wish.spec(CalibrationSpec()).pipelines] == ["pca", "joined+mlp"]


@pytest.mark.parametrize(
    "changes", [{"pipelines": ()}, {"bits": ()}, {"bits": (0.0,)}, {"bits": (17.0,)}]
)
def test_what_cannot_be_measured_is_refused_and_changes_nothing(changes):
    state = State()
    with pytest.raises(SpecError):
        state.wish_frontier(**changes)
    assert state.wishes == Wishes()


def test_a_session_keeps_the_wish():
    wish = FrontierWish(("pca", "joined+mlp"), ("joined+mlp",), (1.5, 3.0), budget=3.0, log=False)
    assert wishes_of(session_of(Wishes(frontier=wish))).frontier == wish


def test_a_session_of_unknown_pipelines_starts_afresh():
    session = session_of(Wishes())
    session["frontier"]["typed"] = session["frontier"]["pipelines"] = ["nonsense"]
    assert wishes_of(session) == Wishes()


def test_the_running_one_is_shown_as_soon_as_it_has_a_point():
    last = FrontierFindings(frontier(), KEY)
    running = replace(last, live_key=replace(KEY, seed=6))
    assert running.shown is last.result
    begun = replace(running, live=frontier(points=frontier().points[:1]))
    assert begun.shown is begun.live
    assert begun.shown_key.seed == 6


def test_a_cancelled_run_keeps_its_points_and_none_keeps_the_last():
    last = FrontierFindings(frontier(), KEY)
    running = replace(last, live_key=replace(KEY, seed=6))
    kept = running.settled()
    assert (kept.result, kept.key, kept.live_key, kept.is_whole) == (last.result, KEY, None, True)
    part = frontier(points=frontier().points[:2])
    ended = replace(running, live=part).settled()
    assert (ended.result, ended.key.seed, ended.is_whole) == (part, 6, False)


def test_a_chosen_point_is_one_of_those_shown():
    found = FrontierFindings(frontier(), KEY, chosen=(Pipeline.of("joined"), 2.5))
    assert found.point.pipeline.key == "joined"
    assert replace(found, chosen=(Pipeline.of("flow"), 2.5)).point is None
