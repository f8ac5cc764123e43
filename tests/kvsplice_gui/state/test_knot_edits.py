"""Walking back and forth through edits; no application is needed."""

from dataclasses import replace

import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_gui.state.findings import Findings
from kvsplice_gui.state.knot_edits import Edit, KnotEdits
from tests.factories import make_result, make_row


def edit(name, **more):
    return Edit(name, spline=None, **more)


def edits(*names):
    made = KnotEdits((edit(""),))
    for name in names:
        made = made.put(edit(name))
    return made


def by_hand(k):
    row = make_row(Method.SPLINE, k)
    return replace(row, calibration=replace(row.calibration, edited=True))


def test_nothing_is_edited_at_the_start():
    for start in (KnotEdits(), edits()):
        assert not start.is_edited
        assert (start.undo_name, start.redo_name) == ("", "")
        assert start.shown_rows == ()


def test_undo_and_redo_walk_and_stop_at_the_ends():
    made = edits("a", "b")
    assert (made.undo_name, made.redo_name) == ("b", "")
    back = made.walk(made.place - 1)
    assert (back.undo_name, back.redo_name) == ("a", "b")
    assert back.walk(9).present is made.present
    assert back.walk(-9).present is made.edits[0]


def test_a_new_edit_forgets_what_was_undone():
    made = edits("a", "b").walk(1).put(edit("c"))
    assert [one.name for one in made.edits] == ["", "a", "c"]


def test_a_series_is_undone_together():
    made = edits("a")
    for _ in range(3):
        made = made.put(edit("nudge", series="knot 3"))
    made = made.put(edit("nudge", series="knot 4"))
    assert [one.name for one in made.edits] == ["", "a", "nudge", "nudge"]


def test_a_series_never_takes_the_start_away():
    start = KnotEdits((edit("", series="knot 3"),))
    assert start.put(edit("nudge", series="knot 3")).place == 1


def test_what_is_held_is_shown_until_it_is_called_off():
    held = edit("held")
    made = edits().hold(held)
    assert made.is_edited
    assert made.present is held
    assert made.settled is made.edits[0]
    assert not made.hold(None).is_edited
    assert made.put(held).held is None


def test_rows_are_replaced_by_k_and_gone_at_the_start():
    made = edits("a").measured(by_hand(4)).measured(by_hand(2))
    newer = by_hand(4)
    made = made.measured(newer)
    assert [row.k for row in made.shown_rows] == [2, 4]
    assert made.shown_rows[1] is newer
    assert made.walk(0).shown_rows == ()


def test_a_learnt_row_stands_at_its_k():
    learnt = by_hand(4)
    made = edits("a").put(edit("learn", learnt=learnt)).measured(by_hand(2)).measured(by_hand(4))
    assert made.shown_rows[1] is learnt
    assert made.walk(1).measured(by_hand(4)).shown_rows[0] is not learnt


@pytest.mark.parametrize("starting_over", [False, True])
def test_findings_show_the_hands_rows_over_the_results(starting_over):
    result = make_result()
    knots = edits("a").measured(by_hand(4)).measured(by_hand(5))
    findings = Findings(result=result, knots=knots, starting_over=starting_over)
    row = findings.row(Method.SPLINE, 4)
    assert (row is not None and row.calibration.edited) is not starting_over
    taken = findings.shown_result
    assert taken.row(Method.PCA, 4) is result.row(Method.PCA, 4)
    assert (taken.row(Method.SPLINE, 5) is not None) is not starting_over
    assert [r.k for r in taken.rows] == sorted(r.k for r in taken.rows)
    assert findings.shown_ghost is result
    back = replace(findings, knots=knots.walk(0), starting_over=False)
    assert back.shown_result is result
