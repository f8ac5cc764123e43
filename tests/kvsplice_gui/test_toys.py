"""A kind that declares itself in one line is offered by the window."""

import pytest

from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.palette import pipeline_style
from kvsplice_gui.panels.calibration_panel import CalibrationPanel
from kvsplice_gui.panels.frontier_panel import FrontierPanel
from kvsplice_gui.state.wishes import FrontierWish, Wishes
from tests.kvsplice_gui.panels.hands import record, texts
from tests.toys import ASINH, declared


@pytest.fixture(autouse=True)
def _toys():
    with declared():
        yield


def test_the_calibration_panel_offers_the_transform(qtbot):
    panel = CalibrationPanel()
    qtbot.addWidget(panel)
    panel.set_dim(64)
    assert ASINH.label in texts(panel.method)
    panel.show_wishes(Wishes().but(methods=(ASINH,), method=ASINH))
    assert panel.boxes[ASINH].isChecked()
    assert not any(
        panel.fields[n].widget.isEnabled() for n in ("curve", "knot_placement", "coupling")
    )  # it heeds none of them
    said = record(panel.changed)
    panel.boxes[ASINH].click()
    assert ASINH not in said[0][0]["methods"]


def test_the_frontier_panel_takes_and_lists_every_toy(qtbot):
    panel = FrontierPanel()
    qtbot.addWidget(panel)
    panel.show_source(has_capture=False)
    said = record(panel.changed)
    words = "joined+asinh+absolute+bytes"
    panel.typed.setText(words)
    panel.typed.returnPressed.emit()
    assert said[0][0]["typed"] == (words,)
    panel.show_wish(FrontierWish((words,), (words,)))
    tips = [panel.pipelines.item(i).toolTip() for i in range(panel.pipelines.count())]
    assert f"{Pipeline.of(words).label}\n{words}" in tips
    assert pipeline_style(Pipeline.of(words)).filled
