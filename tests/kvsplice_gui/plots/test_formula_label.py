import pytest
from PyQt6.QtCore import Qt

from kvsplice_gui.plots.formula_label import FormulaLabel

LONG = "2 × 12 layers × 12 heads × 64 numbers × 1 024 tokens × 2 bytes = 36 MiB; " * 4


@pytest.fixture
def label(qtbot):
    made = FormulaLabel()
    qtbot.addWidget(made)
    made.resize(2000, 40)
    return made


def test_it_is_hidden_without_a_formula(label):
    assert label.isHidden()
    label.set_text("a = b")
    assert not label.isHidden()
    label.set_text("")
    assert label.isHidden()


def test_a_long_formula_ends_in_dots_and_the_tooltip_has_all_of_it(label):
    label.set_text(LONG)
    label.resize(300, 40)
    label.show()
    assert label.text().endswith("…")
    assert label.toolTip() == LONG
    label.resize(3000, 40)
    assert label.text() == LONG


def test_it_can_be_selected(label):
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
