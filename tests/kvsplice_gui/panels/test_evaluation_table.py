import pytest

from kvsplice_gui.panels.evaluation_table import EvaluationTable
from tests import quality_samples as samples


@pytest.fixture
def table(qtbot):
    made = EvaluationTable()
    qtbot.addWidget(made)
    return made


def lines(table):
    return {m.name: (m.value, m.interval, m.unit) for m in table.model.records}


def test_every_measure_has_its_interval_and_unit(table):
    assert table.is_empty
    table.show_evaluation(samples.evaluation())
    shown = lines(table)
    assert shown["ΔNLL"] == ("0.0400", "0.0359 … 0.0441", "nats per token")
    assert shown["top-1 agreement"] == ("90.0", "89.0 … 91.0", "%")
    assert shown["perplexity, compressed"][0] == "69.4"
    assert shown["bytes stored"][2] == "70.0\u00a0% of dense"


def test_no_number_of_a_failed_audit_is_shown(table):
    table.show_evaluation(samples.evaluation())
    table.show_evaluation(samples.evaluation(samples.FAILED))
    assert table.is_empty
    assert table.model.rowCount() == 0
    assert "not a result" in table.empty_label.text()
    table.show_evaluation(None)
    assert "Press Evaluate this k" in table.empty_label.text()
