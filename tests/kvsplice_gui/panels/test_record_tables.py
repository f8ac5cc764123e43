"""The audit, the heads and the table both are made of."""

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from kvsplice_gui.look.theme import LIGHT
from kvsplice_gui.panels.audit_table import AuditTable
from kvsplice_gui.panels.heads_table import HeadsTable, rows_of
from tests import quality_samples as samples


def cells(table, column):
    index = [field.heading for field in table.model.fields].index(column)
    return [table.model.index(row, index).data() for row in range(table.model.rowCount())]


def colour(table, row, column):
    index = [field.heading for field in table.model.fields].index(column)
    return table.model.index(row, index).data(Qt.ItemDataRole.ForegroundRole)


def test_every_control_says_passed_or_failed_in_words_and_colour(qtbot):
    table = AuditTable()
    qtbot.addWidget(table)
    table.model.set_colours({"good": LIGHT.good, "error": LIGHT.error})
    assert table.is_empty
    table.show_audit("Spline", samples.FAILED)
    assert cells(table, "Result") == ["✓ passed", "✓ passed", "✗ FAILED"]
    assert cells(table, "Claim")[2] == "the cache is read"
    assert cells(table, "Measured")[0] == "|ΔNLL| 3e-7 nat"
    assert cells(table, "Required")[0] == "≤ 1e-4 nat"
    assert colour(table, 0, "Result").name() == LIGHT.good.lower()
    assert colour(table, 2, "Result").name() == LIGHT.error.lower()


def test_a_failure_is_said_above_the_table_too(qtbot):
    table = AuditTable()
    qtbot.addWidget(table)
    table.show()
    table.show_audit("Spline", samples.FAILED)
    assert table.notice.isVisible()
    assert "audit failed: the cache is read" in table.notice.text()
    table.show_audit("Spline", samples.PASSED)
    assert not table.notice.isVisible()
    table.show_audit("", ())
    assert table.is_empty


def test_heads_show_three_errors_sensitivity_and_where_they_disagree(qtbot):
    table = HeadsTable()
    qtbot.addWidget(table)
    table.show_heads(samples.heads(), samples.sensitivity().kl)
    assert cells(table, "MSE")[4] == "0.0200"
    assert cells(table, "By attention")[1] == "0.00200"
    assert cells(table, "After W_O")[0] == "0.00200"
    assert cells(table, "Alone, KL")[0] == "0.00100"
    assert cells(table, "Rankings").count("▲ disagree") == 1
    assert cells(table, "Rankings")[0] == "▲ disagree"
    assert cells(table, "Ranks")[0] == "1 · 4 · 2"


def test_without_a_map_the_sensitivity_is_missing():
    kl = np.full((4, 4), np.nan)
    kl[1, 2] = 0.5
    rows = rows_of(samples.heads(), {"v": kl})
    assert [r.sensitivity for r in rows if not np.isnan(r.sensitivity)] == [0.5]
    assert all(np.isnan(r.sensitivity) for r in rows_of(samples.heads(), {"k": np.ones((4, 4))}))
    assert all(np.isnan(row.sensitivity) for row in rows_of(samples.heads(), None))


def test_choosing_a_head_opens_it_also_after_sorting(qtbot):
    table = HeadsTable()
    qtbot.addWidget(table)
    table.show_heads(samples.heads(), None)
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    with qtbot.waitSignal(table.cell_chosen) as chosen:
        table.view.activated.emit(table._sorted.index(0, 0))
    assert chosen.args[0] == 3


def test_numbers_sort_as_numbers(qtbot):
    table = HeadsTable()
    qtbot.addWidget(table)
    table.show_heads(samples.heads(2, 12), None)
    table.view.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    heads = [int(table._sorted.index(row, 2).data()) for row in range(24)]
    assert heads == sorted(heads)


def test_copy_gives_headings_and_rows(qtbot):
    table = AuditTable()
    qtbot.addWidget(table)
    table.show_audit("Spline", samples.PASSED)
    table.copy()
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0].split("\t") == ["Result", "Claim", "Measured", "Required"]
    assert len(lines) == 3
