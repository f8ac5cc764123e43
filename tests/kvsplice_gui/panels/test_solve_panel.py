"""The panel shows what is to be solved for, and says what a hand changed."""

from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractButton

from kvsplice_core.data.capture import Sides
from kvsplice_gui.panels.solve_panel import SolvePanel
from kvsplice_gui.state.wishes import SolveWish, Wishes
from tests.kvsplice_gui.panels.hands import pick, record, shown, tabbed, texts, type_line
from tests.quality_samples import FACTS

BOTH = replace(FACTS, sides=Sides.BOTH)


@pytest.fixture
def panel(qtbot):
    made = shown(qtbot, SolvePanel())
    made.show_capture(BOTH)
    made.button.offer("", "Share the budget among all heads")
    return made


def wish(**fields):
    return Wishes(solve=SolveWish(**fields))


def test_showing_a_wish_says_nothing(panel):
    said = record(panel.changed) + record(panel.budget_typed)
    panel.show_wish(wish(by_loss=True, max_dnll=0.125, side="both", key_bits=3.5))
    assert panel.by_loss.isChecked()
    assert (panel.max_dnll.text(), panel.key_bits.text()) == ("0.125", "3.5")
    assert panel.side.currentText() == "V and K"
    assert said == []


def test_a_hand_writes_its_field(qtbot, panel):
    said, typed = record(panel.changed), record(panel.budget_typed)
    panel.show_wish(wish(side="both"))
    type_line(qtbot, panel.bits, "3.25")
    type_line(qtbot, panel.key_bits, "4")
    type_line(qtbot, panel.key_bits, " ")
    pick(panel.side, "K")
    panel.by_loss.click()
    panel.show_wish(wish(by_loss=True))
    type_line(qtbot, panel.max_dnll, "0.1")
    assert typed == [(3.25,)]
    fields = [{"key_bits": 4.0}, {"key_bits": None}, {"side": "k"}, {"by_loss": True}]
    assert [one for (one,) in said] == [*fields, {"max_dnll": 0.1}]


def test_the_arrows_choose_the_bound(qtbot, panel):
    said = record(panel.changed)
    panel.activateWindow()
    panel.by_bits.setFocus()
    qtbot.waitUntil(panel.by_bits.hasFocus)
    qtbot.keyClick(panel.by_bits, Qt.Key.Key_Down)
    assert said == [({"by_loss": True},)]


def test_only_the_number_of_the_chosen_bound_is_asked_for(panel):
    assert panel.bits.isEnabled()
    assert not panel.max_dnll.isEnabled()
    panel.show_wish(wish(by_loss=True, side="both"))
    assert not panel.bits.isEnabled()
    assert panel.max_dnll.isEnabled()
    assert not panel.key_bits.isVisible()


@pytest.mark.parametrize(
    ("facts", "sides"), [(FACTS, ["V"]), (BOTH, ["V", "K", "V and K"])], ids=["v", "both"]
)
def test_sides_are_those_of_the_capture(panel, facts, sides):
    panel.show_wish(wish(side="both"))
    panel.show_capture(facts)
    assert texts(panel.side) == sides
    assert panel.side.currentText() == sides[-1]
    assert panel.key_bits.isVisible() == (facts is BOTH)


def test_bits_of_k_alone_need_both_sides(panel):
    for side in ("v", "k", "both"):
        panel.show_wish(wish(side=side))
        assert panel.key_bits.isVisible() == (side == "both")


def test_what_is_half_typed_is_left_alone(qtbot, panel):
    qtbot.keyClicks(panel.bits, "3")
    half = panel.bits.text()
    panel.show_wish(wish(side="k"))
    assert panel.bits.text() == half


def test_a_wrong_number_is_explained_and_goes_back(qtbot, panel):
    typed = record(panel.budget_typed)
    type_line(qtbot, panel.bits, "few")
    assert panel.problem.text() == "Bits per value must be a number such as 2.5; got 'few'."
    assert panel.problem.isVisible()
    assert panel.bits.text() == "2.5"
    assert typed == []


def test_without_a_capture_nothing_can_be_asked_for(qtbot):
    panel = shown(qtbot, SolvePanel())
    assert tabbed(panel) == []


def test_tab_walks_down_and_every_field_has_help_and_a_name(panel):
    panel.show_wish(wish(side="both"))
    reached = tabbed(panel)
    asked = [panel.by_bits, panel.bits, panel.side, panel.key_bits, panel.button]
    assert [one for one in reached if one in asked] == asked
    for widget in reached:
        assert widget.toolTip(), widget
        named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
        assert named, widget
