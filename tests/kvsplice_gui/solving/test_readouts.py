"""What would be solved for, and what is said of what was; without a window."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsplice_core.capture.specs import Sides
from kvsplice_core.pipelines.spec import Pipeline
from kvsplice_core.quality.solve_spec import DEFAULT_PIPELINE
from kvsplice_core.specs import Recipe
from kvsplice_gui.frontier.state import FrontierFindings
from kvsplice_gui.quality.state import QualityWish
from kvsplice_gui.solving import readouts as solve_readouts
from kvsplice_gui.solving import words as solve_words
from kvsplice_gui.solving.state import Solved
from kvsplice_gui.state import DataWish, Findings, ViewWish, Wishes
from tests import frontier_samples, quality_samples, solve_samples
from tests.solve_samples import DISAGREEMENT, GAIN, TIE
from tests.solve_samples import choice as made

WISHES = Wishes(data=DataWish("capture.safetensors"), device="cpu")
CAPTURE = Findings(dataset=SimpleNamespace(capture=quality_samples.FACTS))
HELD_BOTH = replace(quality_samples.FACTS, sides=Sides.BOTH)


def found(wishes=WISHES, leaked=(), **fields):
    key = solve_readouts.key_of(wishes, CAPTURE)
    return replace(
        CAPTURE, solved=Solved(solve_samples.result(key.spec, **fields), None, key, leaked)
    )


def at(budget):
    return replace(WISHES, frontier=replace(WISHES.frontier, budget=budget))


def test_without_a_capture_there_is_nothing_to_solve_for():
    assert solve_readouts.key_of(WISHES, Findings()) is None
    assert solve_readouts.obstacle(Findings(), "") == solve_readouts.NEEDS_CAPTURE
    assert solve_readouts.obstacle(CAPTURE, "Calibrating").startswith("Calibrating")
    assert solve_readouts.obstacle(CAPTURE, "") == ""


def test_the_slider_and_the_usual_pipeline_are_asked_for():
    key = solve_readouts.key_of(at(3.3), CAPTURE)
    assert (key.spec.bits, key.spec.pipeline) == (3.3, DEFAULT_PIPELINE)
    assert key.spec.calibration.recipe is Recipe.ORIGIN
    assert key.model == "gpt2-mini"


def test_the_pipeline_of_the_chosen_point_is_asked_for():
    chosen = FrontierFindings(frontier_samples.frontier(), chosen=(Pipeline.of("spline"), 4.0))
    findings = replace(CAPTURE, frontier=chosen)
    assert solve_readouts.key_of(WISHES, findings).spec.pipeline.key == "spline"


@pytest.mark.parametrize(
    ("wished", "facts", "sides"),
    [
        ("", quality_samples.FACTS, Sides.V),
        ("both", quality_samples.FACTS, Sides.V),
        ("", HELD_BOTH, Sides.V),
        ("k", HELD_BOTH, Sides.K),
        ("both", HELD_BOTH, Sides.BOTH),
    ],
)
def test_both_sides_are_compressed_only_where_wished_and_held(wished, facts, sides):
    wishes = replace(WISHES, quality=QualityWish(side=wished))
    assert solve_readouts.wished_sides(wishes, facts) is sides


@settings(max_examples=30, deadline=None)
@given(st.floats(1.0, 8.0))
def test_any_budget_is_shared_at_once_and_marked(budget):
    view = solve_readouts.given_view(at(budget), found())
    if budget == 2.5:
        return
    assert view.cells.mean() == pytest.approx(budget)
    assert (np.diff(view.cells[:, 0]) >= 0).all()  # later layers cost more
    assert "not checked" in view.title
    assert view.notice.startswith("Not checked")
    assert view.notes == {}


def test_at_the_solved_budget_the_checked_map_is_shown():
    view = solve_readouts.given_view(at(2.5), found())
    assert view.title == "Given to V at 2.5 bits, checked"
    assert view.cells[2, 1] == 3.0
    assert view.notes[2, 1] == "k = 48"
    assert view.heading.startswith("heads joined · PCA · Lloyd–Max · solved for 2.5\u00a0bits on ")


def test_heads_coded_together_are_named():
    share = replace(solve_samples.shares()[0], heads=(0, 1))
    assert solve_readouts.notes_of((share,), "v") == dict.fromkeys(
        [(0, 0), (0, 1)], "k = 16 for heads 0, 1"
    )
    assert solve_readouts.notes_of((share,), "k") == {}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"data": DataWish("other.safetensors")}, "capture"),
        ({"quality": QualityWish(model="other")}, "model"),
        ({"quality": QualityWish(texts=("a.txt",))}, "text"),
        ({"quality": QualityWish(tokens=7000)}, "way to read the text"),
        ({"seed": 77}, "calibration"),
    ],
)
def test_what_has_changed_is_named_and_another_budget_is_no_change(changes, name):
    findings = found()
    assert solve_readouts.changes(at(4.0), findings) == ()
    wishes = replace(WISHES, **changes)
    assert solve_readouts.changes(wishes, findings) == (name,)
    view = solve_readouts.given_view(wishes, findings)
    assert not view.is_current
    assert view.heading.endswith(f"another {name} now: solve again")


def test_the_wished_side_is_shown_where_there_is_one():
    both = replace(
        found(), solved=Solved(solve_samples.result(solve_samples.BOTH), None, found().solved.key)
    )
    wishes = replace(WISHES, view=ViewWish(given_side="k"))
    assert solve_readouts.given_view(wishes, both).side == "k"
    assert solve_readouts.given_view(wishes, found()).side == "v"


def test_a_budget_that_is_too_small_is_said():
    dear = replace(solve_samples.unit(1e-3), offers=solve_samples.unit(1e-3).offers[2:])
    shares = tuple(replace(share, unit=dear) for share in solve_samples.shares())
    view = solve_readouts.given_view(at(2.0), found(shares=shares))
    assert view.cells is None
    assert not view.is_error
    assert view.notice.startswith("A budget must be at least 3 bits per value")


def test_a_failed_audit_leaves_no_numbers():
    findings = found(audit=quality_samples.FAILED)
    view = solve_readouts.given_view(WISHES, findings)
    assert view.cells is None
    assert view.is_error
    said = solve_words.verdict(findings.solved)
    assert "audit failed" in said
    assert "ΔNLL" not in said.partition("audit failed")[0]


def test_what_flatters_is_said_over_the_map():
    alike = made(GAIN, GAIN, apart=False)
    solved = found(leaked=("emma",), probed_on_checked=True, choice=alike)
    notice = solve_readouts.given_view(WISHES, solved).notice
    assert "emma" in notice
    assert "Sensitivities were measured on the text that checks, which flatters" in notice
    assert "chosen on the text it is reported on" in notice
    assert "chosen on the text" not in solve_readouts.given_view(WISHES, found()).notice


@pytest.mark.parametrize(
    ("choice", "kept_even", "said"),
    [
        (made(GAIN, GAIN, apart=False), False, "a gain; by sensitivity is kept."),
        (made(TIE, TIE, apart=False), True, "a tie; the same for all is kept."),
        (made(GAIN, TIE), False, "On the other 3, which had no part in it"),
        (made(DISAGREEMENT, TIE), True, "a tie, for ΔNLL and KL disagree; the same for all"),
        (None, False, "nothing compares with the solved allotment."),
    ],
)
def test_the_verdict_compares_with_the_same_for_all(choice, kept_even, said):
    solved = found(choice=choice, kept_even=kept_even).solved
    assert said in solve_words.verdict(solved)
    assert solve_words.verdict(None) == ""


def test_the_summary_is_one_line_with_the_verdict():
    said = solve_words.summary(found().solved)
    assert said.startswith("Solved for 2.50\u00a0bits: ΔNLL +0.0400 [")
    assert said.endswith("a gain against the same for all")
    failed = found(audit=quality_samples.FAILED).solved
    assert solve_words.summary(failed) == solve_words.verdict(failed)
