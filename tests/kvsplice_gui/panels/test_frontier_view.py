"""The budget slider and the sentences under the plot."""

import pytest

from kvsplice_gui.panels.frontier_view import FrontierView, rounded
from kvsplice_gui.plots.frontier_plot import FrontierPlot
from kvsplice_gui.readouts.frontier import lines_of
from tests.frontier_samples import BITS, BOUND, PIPELINES, frontier
from tests.kvsplice_gui.panels.hands import record, shown


@pytest.fixture
def view(qtbot):
    plot = FrontierPlot()
    made = shown(qtbot, FrontierView(plot))
    plot.show_frontier(lines_of(frontier(), "nmse"), BOUND, "nmse")
    made.set_marks(BITS)
    made.legend.show_pipelines(PIPELINES, None)
    return made


@pytest.mark.parametrize("bits", [1.0, 2.5, 3.3, 8.0])
def test_a_budget_is_shown_everywhere_and_said_to_nobody(view, bits):
    said = record(view.budget_chosen)
    view.set_budget(bits)
    assert view.budget_label.text() == f"{bits:g}\u00a0bits"
    assert 2 ** view.plot.budget_line.value() == pytest.approx(bits)
    assert 2 ** (3 * view.slider.value() / 60) == pytest.approx(bits, rel=0.03)
    assert said == []


def test_the_slider_catches_at_measured_budgets(view):
    said = record(view.budget_chosen)
    for value in range(61):
        view.slider.setValue(value)
    budgets = [bits for (bits,) in said]
    assert set(BITS[1:]) <= set(budgets)
    assert budgets == sorted(budgets)
    assert max(budgets) == 8.0


@pytest.mark.parametrize(("solved", "end"), [(0.863, 0), (2.71, 29), (9.5, 60)])
def test_the_slider_leads_back_to_what_was_solved_for_beyond_its_ends_too(view, solved, end):
    said = record(view.budget_chosen)
    view.show_solved(solved, "")
    view.set_budget(solved)
    assert view.slider.value() == end
    view.slider.setValue(40)
    view.slider.setValue(end)
    assert said[-1] == (solved,)


@pytest.mark.parametrize(("bits", "kept"), [(0.2, 1.0), (2.49, 2.5), (3.3333, 3.35), (20, 8.0)])
def test_a_dragged_budget_is_a_twentieth_within_the_ends(bits, kept):
    assert rounded(bits) == pytest.approx(kept)


def test_without_a_frontier_there_is_nothing_to_slide(view):
    assert view.slider.isEnabled()
    view.set_marks(())
    assert not view.slider.isEnabled()


def test_a_click_in_the_legend_chooses_the_point_at_the_budget(view):
    chosen = record(view.plot.point_chosen)
    view.set_budget(4.0)
    view.legend.pipeline_clicked.emit(PIPELINES[3])
    assert [(p.pipeline, p.asked_bits) for (p,) in chosen] == [(PIPELINES[3], 4.0)]


def test_sentences_without_words_take_no_room(view):
    view.say("Best at ≤ 2 bits", "")
    assert view.best.isVisible()
    assert not view.verdict.isVisible()
