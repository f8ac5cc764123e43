"""The dimensions to draw are read as people write them, or refused in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_gui.panels.view_panel import MAX_DIMS, ViewPanel, parse_dims
from tests.kvsplice_gui.panels.hands import record, type_line


@pytest.fixture
def panel(qtbot):
    made = ViewPanel()
    qtbot.addWidget(made)
    made.set_dim(64)
    made.show_dims((0, 1))
    return made


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("3", (3,)),
        (" 0-3, 17 ", (0, 1, 2, 3, 17)),
        ("5 4 5", (5, 4)),
        ("63,0", (63, 0)),
        ("2-2", (2,)),
        ("0-3,2-5", (0, 1, 2, 3, 4, 5)),
    ],
)
def test_numbers_and_ranges_are_read(text, dims):
    assert parse_dims(text, 64) == dims


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "a", "64", "-1", "1.5", "1-", "-", "0-8", "3-1", "3-1, 5", "60-99999999999999"],
)
def test_anything_else_is_refused_in_one_sentence(text):
    with pytest.raises(SpecError) as caught:
        parse_dims(text, 64)
    assert str(caught.value) == (
        f"dimensions must be up to 8 numbers or ranges within 0 … 63; got {text!r}"
    )


@given(st.lists(st.integers(0, 63), min_size=1, max_size=MAX_DIMS, unique=True))
def test_what_is_shown_is_read_back(qapp, dims):
    panel = ViewPanel()
    panel.show_dims(tuple(dims))
    assert parse_dims(panel.dims.text(), 64) == tuple(dims)


@given(st.text(alphabet="0123456789-, ", max_size=12), st.integers(1, 64))
def test_whatever_is_typed_gives_dimensions_or_a_spec_error(text, dim):
    try:
        dims = parse_dims(text, dim)
    except SpecError:
        return
    assert 1 <= len(dims) <= MAX_DIMS
    assert len(set(dims)) == len(dims)
    assert all(0 <= j < dim for j in dims)


def test_typed_dimensions_are_said_once(qtbot, panel):
    said, failed = record(panel.dims_changed), record(panel.failed)
    type_line(qtbot, panel.dims, "4-6")
    panel.dims.editingFinished.emit()  # leaving the field after Enter
    assert said == [((4, 5, 6),)]
    assert failed == []


def test_what_is_refused_goes_back_and_is_told_once(qtbot, panel):
    said, failed = record(panel.dims_changed), record(panel.failed)
    type_line(qtbot, panel.dims, "99")
    panel.dims.editingFinished.emit()
    assert (said, panel.dims.text()) == ([], "0, 1")
    assert [type(error) for (error,) in failed] == [SpecError]


def test_showing_says_nothing(panel):
    said = record(panel.dims_changed), record(panel.failed)
    panel.show_dims((7,))
    panel.dims.editingFinished.emit()
    assert said == ([], [])


def test_without_data_there_is_nothing_to_choose(panel):
    panel.set_dim(0)
    assert not panel.dims.isEnabled()
