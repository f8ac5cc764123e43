"""The table holds every point, and only columns of what was measured."""

import pytest

from kvsplice_gui.panels.frontier_table import FIELDS, FrontierTable
from tests.frontier_samples import TIE, frontier, point
from tests.kvsplice_gui.panels.hands import record, shown


@pytest.fixture
def table(qtbot):
    made = shown(qtbot, FrontierTable())
    made.show_frontier(frontier())
    return made


def headings(table):
    return {field.heading for i, field in enumerate(FIELDS) if not table.view.isColumnHidden(i)}


def test_every_point_is_a_row_with_text_and_key_in_every_column(table):
    records = table.model.records
    assert records == frontier().points
    for field in FIELDS:
        keys = [field.text(one) if field.key is None else field.key(one) for one in records]
        assert sorted(keys)
        assert all(isinstance(field.text(one), str) for one in records)


def test_costs_and_surrogate_have_columns_where_they_were_measured(table):
    assert not {"ΔNLL", "Surrogate"} & headings(table)
    table.show_frontier(frontier(of_model=True))
    assert "ΔNLL" in headings(table)
    table.show_frontier(frontier(points=(point("spline", surrogate=TIE),)))
    assert "Surrogate" in headings(table)


def test_a_chosen_point_is_selected_however_it_is_sorted(table):
    said = record(table.record_chosen)
    for column in (0, 1, 5):
        table.view.sortByColumn(column, table.view.horizontalHeader().sortIndicatorOrder())
        for one in frontier().points[::4]:
            table.show_chosen(one)
            assert table.point_at(table.view.currentIndex()) == one
    table.show_chosen(None)
    assert not table.view.selectionModel().hasSelection()
    assert said == []


def test_the_row_under_the_pointer_is_told(table):
    told = record(table.point_hovered)
    table.view.entered.emit(table.view.model().index(2, 3))
    assert told == [(table.model.records[2],)]


def test_empty_it_says_what_to_do(table):
    table.show_frontier(None)
    assert table.is_empty
    assert "Measure frontier" in table.empty_label.text()
