"""The panel shows a wish, and says what a hand changed."""

import pytest
from PyQt6.QtCore import Qt

from kvsplice_core.codec.pipeline import DEFAULT_PIPELINES
from kvsplice_core.report.frontier_words import MEASURES
from kvsplice_gui.panels.frontier_panel import FrontierPanel
from kvsplice_gui.plots.frontier_legend import short_label
from kvsplice_gui.state.wishes import FrontierWish
from tests.kvsplice_gui.panels.hands import record, shown, texts, type_line


@pytest.fixture
def panel(qtbot):
    made = shown(qtbot, FrontierPanel())
    made.show_source(has_capture=True)
    return made


def checked(panel):
    items = [panel.pipelines.item(i) for i in range(panel.pipelines.count())]
    return [one.text() for one in items if one.checkState() is Qt.CheckState.Checked]


def test_showing_a_wish_says_nothing(panel):
    said = record(panel.changed)
    panel.show_wish(FrontierWish(("pca", "mlp"), ("mlp",), (2.0,), surrogate=True))
    assert checked(panel) == ["PCA", "PCA · MLP"]
    assert panel.bits.text() == "2"
    assert panel.surrogate.isChecked()
    assert said == []


def test_every_usual_pipeline_is_offered_by_its_name_and_told_whole_by_its_help(panel):
    assert checked(panel) == [short_label(pipeline) for pipeline in DEFAULT_PIPELINES]
    for i, pipeline in enumerate(DEFAULT_PIPELINES):
        assert panel.pipelines.item(i).toolTip() == f"{pipeline.label}\n{pipeline.key}"


def test_a_tick_taken_away_leaves_the_others(panel):
    said = record(panel.changed)
    panel.pipelines.item(1).setCheckState(Qt.CheckState.Unchecked)
    keys = tuple(pipeline.key for pipeline in DEFAULT_PIPELINES)
    assert said == [({"pipelines": keys[:1] + keys[2:]},)]


def test_a_typed_pipeline_joins_the_list_and_a_wrong_one_is_explained(qtbot, panel):
    said = record(panel.changed)
    qtbot.keyClicks(panel.typed, "joined+mlp")
    qtbot.keyClick(panel.typed, Qt.Key.Key_Return)
    assert said[0][0]["typed"] == ("joined+mlp",)
    assert said[0][0]["pipelines"][-1] == "joined+mlp"
    assert panel.typed.text() == ""
    qtbot.keyClicks(panel.typed, "joined+nonsense")
    qtbot.keyClick(panel.typed, Qt.Key.Key_Return)
    assert len(said) == 1
    assert panel.problem.text().startswith("A part of a pipeline must be one of each, pooled")
    assert panel.problem.isVisible()


def test_bits_are_read_and_wrong_ones_go_back(qtbot, panel):
    said = record(panel.changed)
    type_line(qtbot, panel.bits, "1, 3.25")
    assert said == [({"bits": (1.0, 3.25)},)]
    type_line(qtbot, panel.bits, "one")
    assert len(said) == 1
    assert "such as 1, 2, 2.5" in panel.problem.text()


def test_the_model_is_offered_only_for_a_capture(panel):
    assert panel.through_model.isVisible()
    panel.show_source(has_capture=False)
    assert not panel.through_model.isVisible()


def test_model_measures_are_offered_only_where_there_are_some(panel):
    assert texts(panel.measure) == ["NMSE"]
    panel.show_measures(of_model=True)
    assert texts(panel.measure) == list(MEASURES.values())
