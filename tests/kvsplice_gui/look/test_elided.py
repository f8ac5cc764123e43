"""Text that ends in … keeps whole words, and as many as fit."""

import pytest
from PyQt6.QtGui import QFontMetrics

from kvsplice_gui.look.elided import ElidedLabel, elided

TEXT = "k = 16 of 64 · 12\u202f345 bytes"


@pytest.fixture
def metrics(qapp):
    return QFontMetrics(qapp.font())


@pytest.mark.parametrize("room", [0, 10, 40, 80, 120, 160])
def test_only_whole_words_are_left(metrics, room):
    words = elided(TEXT, metrics, room).split(" ")
    assert words[-1] == "…"
    assert words[:-1] == TEXT.split(" ")[: len(words) - 1]


def test_what_fits_is_left_alone_and_no_word_is_dropped_in_vain(metrics):
    room = metrics.horizontalAdvance(TEXT)
    assert elided(TEXT, metrics, room) == TEXT
    shorter = elided(TEXT, metrics, room - 1)
    longer = " ".join([*TEXT.split(" ")[: len(shorter.split(" "))], "…"])
    assert metrics.horizontalAdvance(longer) > room - 1


def test_a_label_may_be_as_narrow_as_it_must(qtbot):
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText(TEXT)
    label.resize(12, 20)
    assert label.minimumSizeHint().width() == 0
    assert label.shown == "…"
