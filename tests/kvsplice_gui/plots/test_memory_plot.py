import numpy as np
import pytest
from PyQt6.QtCore import Qt

from kvsplice_gui.plots.memory_plot import MemoryPlot
from tests.kvsplice_gui.plots import samples


@pytest.fixture
def plot(qtbot):
    made = MemoryPlot()
    qtbot.addWidget(made)
    made.resize(420, 260)
    made.show_memory(samples.LINES, 1024, "2 × 12 × 64 × 1 024", 72.3)
    made.show()
    return made


def test_lines_are_drawn_as_given(plot):
    for curve, (_, tokens, size, colour, dashed) in zip(plot._curves, samples.LINES, strict=True):
        assert curve.getData() == (pytest.approx(tokens), pytest.approx(size))
        assert curve.opts["pen"].color().name() == colour.lower()
        assert (curve.opts["pen"].style() == Qt.PenStyle.DashLine) is dashed


def test_log_is_log2_by_hand(plot):
    plot.set_log(True)
    x, y = plot._curves[0].getData()
    assert x[1:] == pytest.approx(np.log2(samples.TOKENS[1:]))
    assert y[1:] == pytest.approx(np.log2(samples.LINES[0][2][1:]))
    assert plot._chosen._line.value() == pytest.approx(10)


def test_the_title_row_reads_the_chosen_tokens(plot):
    assert plot.header.readout.text().replace("\u00a0", " ") == (
        "full cache 36.0 MiB · PCA 23.5 MiB"
    )


def test_the_markers_stand_where_they_say(plot):
    assert plot._chosen._line.value() == 1024
    assert plot._break_even._line.value() == pytest.approx(72.3)
    assert plot._break_even._label.toPlainText() == "pays from 72 tokens"


def test_nothing_is_marked_where_it_never_pays(plot):
    plot.show_memory(samples.LINES, 1024, "")
    assert not plot._break_even._line.isVisible()


def test_every_line_has_its_name(plot):
    texts = [item.toPlainText() for item in plot._labels._items if item.isVisible()]
    assert [text.rstrip(" ■") for text in texts] == ["full cache", "PCA"]
    plot.show_memory(samples.LINES[:1], 1024, "")
    assert len([item for item in plot._labels._items if item.isVisible()]) == 1


def test_fewer_lines_leave_none_behind(plot):
    plot.show_memory(samples.LINES[:1], 1024, "")
    assert len(plot._curves[1].xData) == 0


def test_the_readout_tells_name_tokens_and_bytes(plot):
    reading = plot._reading_at(8192, samples.LINES[0][2][-1])
    assert reading.text.startswith("full cache · 8\u202f192 tokens · 288")


def measured_points(plot):
    """Return what is drawn of each measured line that is drawn at all."""
    drawn = [item.getData() for item in plot._points]
    return [(list(x), list(y)) for x, y in drawn if len(x)]


@pytest.fixture
def measured():
    _, tokens, size, colour, _ = samples.LINES[0]
    return (("dense, measured", tokens[-2:], size[-2:], colour),)


def test_measured_points_lie_on_their_line_in_both_scales(plot, measured):
    plot.show_measured(measured)
    for log in (False, True):
        plot.set_log(log)
        line = plot._curves[0].getData()
        ((x, y),) = measured_points(plot)
        assert (x, y) == (pytest.approx(line[0][-2:]), pytest.approx(line[1][-2:]))


def test_measured_points_are_read_before_their_line(plot, measured):
    plot.show_measured(measured)
    _, tokens, size, _ = measured[0]
    assert plot._reading_at(tokens[-1], size[-1]).text.startswith("dense, measured · ")


def test_fewer_measured_lines_leave_none_behind(plot, measured):
    plot.show_measured(measured * 2)
    plot.show_measured(measured)
    assert len(measured_points(plot)) == 1
    plot.show_measured(())
    assert measured_points(plot) == []
