"""The table sorts by number, copies what it shows, and says which row was chosen."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtTest import QTest

from kvsplice_core import CalibrationSpec, Recipe, SweepSpec, run, sweep
from kvsplice_core.codec.kinds import Method
from kvsplice_core.report.palette import style_of
from kvsplice_gui.panels.record_table import RecordModel
from kvsplice_gui.panels.results_table import COLUMNS, ResultsTable
from tests.factories import make_result, make_row
from tests.kvsplice_core.makers import bent_rows, values_of
from tests.kvsplice_gui.panels.hands import record

ROWS = make_result(ks=(1, 2, 8, 16)).rows
PLACE = {column.heading: i for i, column in enumerate(COLUMNS)}


@pytest.fixture
def table(qtbot):
    made = ResultsTable()
    qtbot.addWidget(made)
    made.resize(1000, 400)
    made.show()
    made.show_records(ROWS)
    return made


def shown_column(table, heading):
    model = table.view.model()
    return [model.index(i, PLACE[heading]).data() for i in range(model.rowCount())]


def sort_by(table, heading, order=Qt.SortOrder.AscendingOrder):
    table.view.sortByColumn(PLACE[heading], order)


def copied(table):
    table.copy()
    return [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]


def test_the_model_is_a_model(qtmodeltester):
    model = RecordModel(COLUMNS)
    qtmodeltester.check(model, force_py=True)  # and again after every change
    for rows in (ROWS[:1], ROWS[:4], ROWS, ROWS[2:], (), ROWS):
        model.show_records(rows)
        assert model.records == rows
        assert model.rowCount() == len(rows)


def test_a_cell_shows_its_number(table):
    row = next(r for r in ROWS if r.method is Method.SPLINE and r.k == 2)
    sort_by(table, "k")
    cells = {c: shown_column(table, c)[4] for c in PLACE}
    assert cells["k"] == "2"
    assert cells["Method"] == "Spline→PCA"
    assert cells["MSE"] == "0.0339"
    assert cells["Ratio"] == "32.0 ×"
    assert cells["Kept"] == row.kept.key
    assert cells["Verdict"] == row.change.verdict.value
    assert " … " in cells["95 % interval"]


def test_pca_is_not_compared_with_itself(table):
    sort_by(table, "k")
    for heading in ("Against PCA", "95 % interval", "Verdict"):
        assert shown_column(table, heading)[0] == ""


def test_k_sorts_as_a_number(table):
    sort_by(table, "k")
    assert shown_column(table, "k") == [str(k) for k in (1, 2, 8, 16) for _ in range(3)]
    sort_by(table, "k", Qt.SortOrder.DescendingOrder)
    assert shown_column(table, "k")[0] == "16"


@given(errors=st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_errors_sort_as_numbers_whatever_their_text(table, errors):
    row = make_row(Method.PCA, 4)
    rows = tuple(replace(row, scores=replace(row.scores, mse=mse)) for mse in errors)
    table.show_records(rows)
    sort_by(table, "MSE")
    seen = [table.view.model().index(i, PLACE["MSE"]) for i in range(len(rows))]
    assert [index.data(Qt.ItemDataRole.UserRole) for index in seen] == sorted(errors)


@pytest.mark.parametrize("heading", PLACE)
def test_a_real_sweep_sorts_by_every_column(qtbot, heading):
    spec = SweepSpec(
        (Method.SPLINE,),
        (1, 3, 2),
        CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, k_train=2, device="cpu"),
    )
    rows = run(sweep(values_of(bent_rows(100, 4)), spec)).rows
    table = ResultsTable()
    qtbot.addWidget(table)
    table.show_records(rows)
    sort_by(table, heading)
    key = COLUMNS[PLACE[heading]].key
    chosen = record(table.record_chosen)
    for i in range(len(rows)):
        table.view.clicked.emit(table.view.model().index(i, 0))
    keys = [key(row) for (row,) in chosen]
    assert keys == sorted(map(key, rows))


def test_a_click_says_the_row_it_shows(table):
    sort_by(table, "MSE")
    chosen = record(table.record_chosen)
    view = table.view
    QTest.mouseClick(
        view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=view.visualRect(view.model().index(0, 0)).center(),
    )
    assert [row for (row,) in chosen] == [min(ROWS, key=lambda row: row.scores.mse)]


def test_enter_says_the_current_row(qtbot, table):
    sort_by(table, "k")
    chosen = record(table.record_chosen)
    table.view.setCurrentIndex(table.view.model().index(1, 0))
    assert chosen == []
    qtbot.keyClick(table.view, Qt.Key.Key_Return)
    assert [(row.method, row.k) for (row,) in chosen] == [(Method.SPLINE, 1)]


def test_showing_rows_chooses_none(table):
    chosen = record(table.record_chosen)
    table.show_records(ROWS[:3])
    table.show_records(ROWS)
    assert chosen == []


def test_rows_that_join_keep_the_selection(table):
    table.show_records(ROWS[:3])
    table.view.selectRow(1)
    table.show_records(ROWS)
    chosen = table.view.selectionModel().selectedRows()
    assert [index.data() for index in chosen] == ["1"]


def test_rows_of_another_run_replace_equal_ones(qtbot):
    """Two runs on the same data give equal numbers in codecs of their own."""
    values = values_of(bent_rows(100, 4))
    spec = SweepSpec((Method.PCA,), (1, 2), CalibrationSpec(device="cpu"))
    first, second = (run(sweep(values, spec)).rows for _ in range(2))
    still = replace(first[0], calibration=replace(first[0].calibration, elapsed_s=0.0))
    again = replace(second[0], calibration=replace(second[0].calibration, elapsed_s=0.0))
    model = RecordModel(COLUMNS)
    model.show_records((still,))
    model.show_records((again,))
    assert model.records[0] is again


def test_all_rows_are_copied_as_they_are_shown(table):
    sort_by(table, "k", Qt.SortOrder.DescendingOrder)
    heading, *lines = copied(table)
    assert heading == [column.heading for column in COLUMNS]
    assert [line[0] for line in lines] == shown_column(table, "k")
    assert {len(line) for line in lines} == {len(COLUMNS)}


def test_chosen_rows_are_copied_in_the_order_of_the_table(qtbot, table):
    sort_by(table, "k")
    table.view.setSelectionMode(table.view.SelectionMode.MultiSelection)
    for place in (7, 0, 4):
        table.view.selectRow(place)
    assert [(line[0], line[1]) for line in copied(table)[1:]] == [
        ("1", "PCA"),
        ("2", "Spline→PCA"),
        ("8", "Spline→PCA"),
    ]


def test_an_empty_table_copies_its_heading(table):
    table.show_records(())
    assert len(copied(table)) == 1


def test_copy_has_its_key(qtbot, table):
    QGuiApplication.clipboard().setText("before")
    shortcut = table.view.findChild(QShortcut)
    assert shortcut.key() == QKeySequence(QKeySequence.StandardKey.Copy)
    shortcut.activated.emit()
    assert QGuiApplication.clipboard().text().startswith("k\tMethod\t")


def test_methods_have_their_colour(table):
    model = table.model
    for place, row in enumerate(ROWS):
        index = model.index(place, PLACE["Method"])
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        assert colour.name().upper() == style_of(row.method).colour.upper()


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.heading)
def test_headings_are_explained_and_stand_as_their_cells(column):
    model = RecordModel(COLUMNS)
    model.show_records(ROWS)
    place = PLACE[column.heading]

    def heading(role):
        return model.headerData(place, Qt.Orientation.Horizontal, role)

    assert heading(Qt.ItemDataRole.DisplayRole) == column.heading
    assert heading(Qt.ItemDataRole.ToolTipRole) == column.help != ""
    cell = model.index(0, place).data(Qt.ItemDataRole.TextAlignmentRole)
    assert heading(Qt.ItemDataRole.TextAlignmentRole) == cell == column.alignment
