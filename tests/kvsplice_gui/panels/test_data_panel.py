"""The data panel offers what a file holds, and says once which of it a hand wants."""

import pytest

from kvsplice_gui.panels.data_panel import DataPanel
from kvsplice_gui.state.wishes import DataWish
from tests.kvsplice_gui.panels.hands import (
    pick,
    read,
    record,
    shown,
    texts,
    type_line,
    type_number,
    write_npz,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Four tensors: with layers and heads, with more heads, without heads, and keys."""
    path = tmp_path_factory.mktemp("panel") / "many.npz"
    return write_npz(
        path, all_v=(3, 1, 2, 40, 4), few_v=(1, 40, 4), flat_v=(40, 4), all_k=(3, 1, 2, 40, 4)
    )


@pytest.fixture
def panel(qtbot):
    return shown(qtbot, DataPanel())


@pytest.fixture
def said(panel):
    return record(panel.changed)


def show(panel, file, **choice):
    dataset = read(file, **choice)
    panel.show_dataset(dataset)
    return dataset


def test_it_starts_empty_and_explains_itself(panel):
    assert "capture them from gpt2-mini" in panel._facts.text()
    assert not any(w.isEnabled() for w in (panel.tensor, panel.layer, panel.head, panel.axes))
    assert not panel.layer.isVisible()
    assert panel.open_button.isEnabled()


def test_what_a_file_offers(panel, said, file):
    show(panel, file, tensor="all_v", layer=1, head=1)
    assert texts(panel.tensor) == ["all_v", "few_v", "flat_v"]
    assert (panel.tensor.currentText(), panel.layer.currentData()) == ("all_v", 1)
    assert (texts(panel.layer), panel.layer.isVisible()) == (["0", "1", "2"], True)
    assert texts(panel.head) == ["head 0", "head 1", "all 2 pooled"]
    assert panel.head.currentData() == 1
    assert panel.axes.placeholderText() == "layer batch head token dim (inferred)"
    assert "40 vectors of 4" in panel._facts.text()
    assert said == []


def test_a_file_of_keys_offers_keys(panel, tmp_path):
    show(panel, write_npz(tmp_path / "k.npz", some_k=(40, 4)))
    assert texts(panel.tensor) == ["some_k"]


def test_a_tensor_without_layers_or_heads_has_nothing_to_choose(panel, file):
    show(panel, file, tensor="flat_v")
    assert not panel.layer.isVisible()
    assert (texts(panel.head), panel.head.isEnabled()) == (["no head axis"], False)


def test_pooled_heads_are_shown(panel, said, file):
    show(panel, file, tensor="all_v", pool_heads=True)
    assert panel.head.currentText() == "all 2 pooled"
    assert said == []


def test_a_sample_of_a_larger_file_is_called_one(panel, file):
    show(panel, file, tensor="flat_v", budget=20)
    assert panel._facts.text().startswith("20 vectors of 4, a sample of 40;")


def test_stated_axes_decide_what_is_offered(panel, tmp_path):
    path = write_npz(tmp_path / "square.npz", v=(20, 20, 4))
    show(panel, path)
    assert panel.axes.placeholderText() == "head token dim (inferred)"
    assert texts(panel.head) == [*(f"head {i}" for i in range(20)), "all 20 pooled"]
    show(panel, path, axes="layer token dim")
    assert texts(panel.layer) == [str(i) for i in range(20)]
    assert texts(panel.head) == ["no head axis"]
    assert panel.axes.text() == "layer token dim"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("layer", "2", {"layer": 2}),
        ("head", "head 1", {"head": 1, "pool_heads": False}),
        ("head", "all 2 pooled", {"head": None, "pool_heads": True}),
        ("tensor", "few_v", {"tensor": "few_v", "layer": None}),
        ("tensor", "flat_v", {"tensor": "flat_v", "layer": None, "head": None}),
    ],
)
def test_a_choice_is_said_once(panel, said, file, field, text, expected):
    show(panel, file, tensor="all_v")
    pick(getattr(panel, field), text)
    assert said == [(expected,)]


@pytest.mark.parametrize("other", ["all_v", "few_v", "flat_v"])
@pytest.mark.parametrize(
    "choice",
    [
        {"tensor": "all_v", "layer": 2, "head": 1},
        {"tensor": "all_v", "pool_heads": True},
        {"tensor": "few_v", "head": 0},
        {"tensor": "flat_v"},
    ],
)
def test_every_tensor_offered_can_be_read_next(panel, said, file, choice, other):
    show(panel, file, **choice)
    pick(panel.tensor, other)
    ((changes,),) = said
    assert read(file, **choice | changes).values.summary.tensor == other


def test_stated_axes_are_said_once_and_start_anew(qtbot, panel, said, file):
    show(panel, file, tensor="all_v", layer=2, head=1)
    type_line(qtbot, panel.axes, "  head layer batch token dim ")
    panel.axes.editingFinished.emit()  # leaving the field after Enter
    assert said == [({"axes": "head layer batch token dim", "layer": None, "head": None},)]


def test_emptied_axes_are_inferred_again(qtbot, panel, said, file):
    show(panel, file, tensor="flat_v", axes="token dim")
    panel.axes.clear()
    panel.axes.editingFinished.emit()
    assert [changes["axes"] for (changes,) in said] == [None]


def test_axes_only_looked_at_say_nothing(panel, said, file):
    show(panel, file, tensor="flat_v", axes="token dim")
    panel.axes.editingFinished.emit()
    assert said == []


def test_the_budget_is_said_once(qtbot, panel, said):
    type_number(qtbot, panel.budget, "50 000")
    assert said == [({"budget": 50_000},)]


def test_showing_a_wish_says_nothing(panel, said, file):
    show(panel, file, tensor="all_v")
    panel.show_wish(DataWish(tensor="few_v", budget=4_321))
    assert (panel.tensor.currentText(), panel.budget.value(), said) == ("few_v", 4_321, [])


def test_open_asks_once(panel):
    asked = record(panel.open_requested)
    panel.open_button.click()
    assert len(asked) == 1


def test_a_long_name_is_shortened_and_told_whole(panel, tmp_path):
    path = write_npz(tmp_path / ("long_" * 30 + "<b>.npz"), v=(40, 4))
    show(panel, path)
    assert "…" in panel._name.text()
    assert panel._name.toolTip() == str(path)
