"""The tables of a measurement say what was measured."""

import pytest

from kvsplice_core.tasks.measure import MeasuredMemory
from kvsplice_gui.panels.measured_memory import MeasuredPanel, difference, title
from tests.kvsplice_gui.measurements import make_measurement, make_point
from tests.kvsplice_gui.panels.hands import shown


@pytest.fixture
def result() -> MeasuredMemory:
    return make_measurement().result


@pytest.fixture
def panel(qtbot):
    return shown(qtbot, MeasuredPanel())


def cells(table):
    model = table.view.model()
    return [
        [model.index(i, j).data().replace("\u00a0", " ") for j in range(model.columnCount())]
        for i in range(model.rowCount())
    ]


def test_it_starts_empty(panel):
    assert panel.is_empty


def test_bytes_stand_beside_the_formula(panel, result):
    panel.show_measured(result)
    assert not panel.is_empty
    first = cells(panel.sizes)[0]
    assert first[:6] == ["64", "256 KiB", "228 KiB", "228 KiB", "none", "1.12 ×"]
    assert [row[0] for row in cells(panel.sizes)] == ["64", "128", "256"]


def test_what_decoding_costs(panel, result):
    panel.show_measured(result)
    assert [row[:3] for row in cells(panel.costs)] == [
        ["dense", "10.0 ms", "2.00 MiB"],
        ["compressed", "13.0 ms", "2.00 MiB"],
        ["folded", "9.00 ms", "2.00 MiB"],
    ]
    assert panel.verdict.toPlainText().splitlines() == list(result.verdict)


@pytest.mark.parametrize(("off", "words"), [(0, "none"), (2048, "+2.00 KiB"), (-3, "−3 B")])
def test_a_difference_has_its_sign(off, words):
    assert difference(make_point(64, off=off)) == words


def test_the_title_says_what_and_where(result):
    assert title(result).replace("\u202f", "") == (
        "gpt2-mini · PCA k = 16, V · bfloat16 on cpu · decoding behind 512 tokens"
    )


def test_it_can_be_emptied_again(panel, result):
    panel.show_measured(result)
    panel.show_measured(None)
    assert panel.is_empty
