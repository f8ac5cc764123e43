from dataclasses import replace

import pytest

from kvsplice_gui.look.theme import DARK
from kvsplice_gui.panels.continuation_view import ContinuationView, verdict
from tests.quality_samples import CONTINUATION


@pytest.fixture
def view(qtbot):
    made = ContinuationView()
    qtbot.addWidget(made)
    made.show()
    return made


def test_empty_it_says_what_to_do(view):
    assert view.is_empty
    assert not view.verdict.isVisible()


def test_both_stand_side_by_side_with_the_divergence_marked(view):
    view.show_continuation(CONTINUATION)
    assert not view.is_empty
    assert view.base.toPlainText() == "To be, or not to be: ▸that <is>\nthe question"
    assert view.compressed.toPlainText() == "To be, or not to be: ▸what is it"
    assert "token 5 differs" in view.verdict.text()


def test_what_is_the_same_is_not_marked(view):
    same = replace(CONTINUATION, compressed=CONTINUATION.base, first_divergence=None)
    view.show_continuation(same)
    assert "▸" not in view.base.toPlainText()
    assert verdict(same) == "All 8 tokens are the same."


def test_another_theme_keeps_the_text(view):
    view.show_continuation(CONTINUATION)
    text = view.base.toPlainText()
    view.set_theme(DARK)
    assert view.base.toPlainText() == text
    assert DARK.warning.lower() in view.base.toHtml().lower()


def test_it_empties_again(view):
    view.show_continuation(CONTINUATION)
    view.show_continuation(None)
    assert view.is_empty
