"""The colours of a scale run from its first stop to its last."""

import pyqtgraph as pg

from kvsplice_gui.plots.colour_bar import STEPS, ColourBar, lookup_table
from kvsplice_gui.plots.ticks import linear_ticks


def test_a_lookup_table_runs_between_its_stops():
    table = lookup_table(("#000000", "#ff0000", "#ffffff"))
    assert table.shape == (STEPS, 3)
    assert table[0].tolist() == [0, 0, 0]
    assert table[-1].tolist() == [255, 255, 255]
    assert abs(table[STEPS // 2] - [255, 0, 0]).max() <= 2


def test_the_bar_spans_the_range_it_is_given(qtbot):
    widget = pg.PlotWidget()
    qtbot.addWidget(widget)
    bar = ColourBar(widget.getPlotItem(), linear_ticks, 40)
    bar.set_range(2.0, 5.0)
    low, high = bar.view.viewRange()[1]
    assert low < 2.0 < 5.0 < high
    assert bar.axis.linkedView() is bar.view
