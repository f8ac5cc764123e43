"""What would be solved for, and what is said of what was; without a window."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.capture import Sides
from kvsplice_core.tasks.solve import DEFAULT_PIPELINE, SolveSpec
from kvsplice_gui.readouts import solve as solve_readouts
from kvsplice_gui.readouts import solve as solve_words
from kvsplice_gui.state.findings import Findings, FrontierFindings, Solved
from kvsplice_gui.state.wishes import DataWish, QualityWish, SolveWish, ViewWish, Wishes
from tests import frontier_samples, quality_samples, solve_samples
from tests.solve_samples import DISAGREEMENT, GAIN, TIE
from tests.solve_samples import choice as made

WISHES = Wishes().but(data=DataWish("capture.safetensors"), device="cpu")
CAPTURE = Findings(dataset=SimpleNamespace(capture=quality_samples.FACTS))
HELD_BOTH = replace(quality_samples.FACTS, sides=Sides.BOTH)


def found(wishes=WISHES, leaked=(), **fields):
    key = solve_readouts.key_of(wishes, CAPTURE)
    return replace(
        CAPTURE, solved=Solved(solve_samples.result(key.spec, **fields), None, key, leaked)
    )


def at(budget):
    return WISHES.but(frontier=replace(WISHES.frontier, budget=budget))


def test_without_a_capture_there_is_nothing_to_solve_for():
    assert solve_readouts.key_of(WISHES, Findings()) is None
    assert solve_readouts.obstacle(Findings()) == solve_readouts.NEEDS_CAPTURE
    assert solve_readouts.obstacle(CAPTURE) == ""


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
    ("wish", "spec"),
    [
        (SolveWish(), SolveSpec(bits=2.5)),
        (SolveWish(side="k", key_bits=4), SolveSpec(bits=2.5, sides=Sides.K)),
        (SolveWish(side="both"), SolveSpec(bits=2.5, sides=Sides.BOTH)),
        (SolveWish(side="both", key_bits=4), SolveSpec(bits=2.5, key_bits=4, sides=Sides.BOTH)),
        (SolveWish(by_loss=True), SolveSpec(max_dnll=0.05)),
        (
            SolveWish(by_loss=True, max_dnll=0.1, side="both", key_bits=4),
            SolveSpec(max_dnll=0.1, sides=Sides.BOTH),
        ),
    ],
)
def test_what_is_wished_is_asked_for(wish, spec):
    findings = replace(CAPTURE, dataset=SimpleNamespace(capture=HELD_BOTH))
    asked = solve_readouts.key_of(at(2.5).but(solve=wish), findings).spec
    for name in ("bits", "key_bits", "max_dnll", "sides"):
        assert getattr(asked, name) == getattr(spec, name)


@pytest.mark.parametrize("side", ["v", "k", "both"])
def test_what_the_capture_does_not_hold_is_not_asked_for(side):
    wishes = WISHES.but(solve=SolveWish(side=side, key_bits=4))
    asked = solve_readouts.key_of(wishes, CAPTURE).spec
    assert (asked.sides, asked.key_bits) == (Sides.V, None)


def test_the_bootstrap_has_the_seed_of_the_calibration():
    spec = solve_readouts.key_of(WISHES.but(seed=77), CAPTURE).spec
    assert spec.evaluation.seed == spec.calibration.seed == 77


@pytest.mark.parametrize("text", ["", "much", "0,05"])
def test_what_is_no_number_is_said_with_an_example(text):
    with pytest.raises(SpecError, match=r"the largest ΔNLL must be a number such as 0\.05; got"):
        solve_readouts.parse_number(text, "the largest ΔNLL", 0.05)


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
    assert view.title == "Given to V at 2.50 bits, checked"
    assert view.cells[2, 1] == 3.0
    assert view.notes[2, 1] == "k = 48"
    assert view.heading.startswith("heads joined · PCA · Lloyd–Max · solved for 2.50\u00a0bits on ")


LOSS = SolveWish(by_loss=True)


def found_for_loss(**fields):
    wishes = WISHES.but(solve=LOSS)
    trial = solve_samples.result().solved
    return found(wishes, solved=replace(trial, budgets=(3.28125,)), **fields)


def test_a_loss_is_told_by_its_bound_and_the_bits_found_for_it():
    findings = found_for_loss()
    checked = solve_readouts.given_view(at(3.28125).but(solve=LOSS), findings)
    assert checked.title == "Given to V at 3.28 bits, checked"
    assert "solved for ΔNLL ≤ 0.05\u00a0nats per token on" in checked.heading
    assert "bits were chosen on the text that checks" in checked.notice
    other = solve_readouts.given_view(at(2.5).but(solve=LOSS), findings)
    assert other.notice == "Not checked: 3.28\u00a0bits were found for the loss."
    assert solve_words.verdict(findings.solved).startswith("Solved for ΔNLL ≤ 0.05\u00a0nats per")


def test_the_budget_of_k_stays_while_that_of_v_is_moved():
    spec = replace(solve_samples.BOTH, key_bits=4.0)
    trial = replace(solve_samples.result().solved, budgets=(2.5, 4.0))
    result = solve_samples.result(spec, solved=trial)
    solved = Solved(result, None, replace(found().solved.key, spec=spec))
    wishes = at(3.0).but(view=ViewWish(given_side="k"))
    view = solve_readouts.given_view(wishes, replace(CAPTURE, solved=solved))
    assert view.title == "Given to K at 4.00 bits, not checked"
    assert view.cells.mean() == pytest.approx(4.0)
    assert "solved for V 2.50\u00a0bits and K 4.00\u00a0bits" in view.heading


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
        ({"seed": 77}, "seed"),
        ({"solve": SolveWish(by_loss=True)}, "largest ΔNLL"),
    ],
)
def test_what_has_changed_is_named_and_another_budget_is_no_change(changes, name):
    findings = found()
    assert solve_readouts.changes(at(4.0), findings) == ()
    wishes = WISHES.but(**changes)
    assert solve_readouts.changes(wishes, findings) == (name,)
    view = solve_readouts.given_view(wishes, findings)
    assert not view.is_current
    assert view.heading.endswith(f"other {name} now: solve again")


def test_the_wished_side_is_shown_where_there_is_one():
    both = replace(
        found(), solved=Solved(solve_samples.result(solve_samples.BOTH), None, found().solved.key)
    )
    wishes = WISHES.but(view=ViewWish(given_side="k"))
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
        (made(GAIN, TIE), False, "On the 3 documents that had no part in the choice, by"),
        (made(DISAGREEMENT, TIE), True, "a tie, for ΔNLL and KL disagree; "),
        (made(TIE, TIE, apart=False), False, "is kept, for only that holds the bound."),
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
