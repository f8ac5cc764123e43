"""The strip: stages in order, each a button with its number."""

import pytest
from PyQt6.QtCore import Qt

from kvsplice_gui.look.elided import ElidedLabel
from kvsplice_gui.panels.pipeline_strip import OPTIONAL_KEYS, STAGE_KEYS, PipelineStrip
from kvsplice_gui.readouts.stages import Stage, Stages
from tests.kvsplice_gui.panels.hands import record, shown

ALL = {key: Stage(f"name {key}", f"number {key}", f"help {key}.") for key in STAGE_KEYS}
STAGES = Stages(**ALL)


@pytest.fixture
def strip(qtbot):
    made = shown(qtbot, PipelineStrip())
    made.resize(1200, 60)
    made.show_stages(STAGES)
    return made


def test_stages_stand_in_the_order_vectors_pass_them(strip):
    usual = [key for key in STAGE_KEYS if key not in OPTIONAL_KEYS]
    assert usual == ["values", "transform", "pca", "cache", "decoder", "restored"]
    lefts = [strip.buttons[key].x() for key in STAGE_KEYS]
    assert lefts == sorted(lefts)


def test_every_stage_shows_name_number_and_help(strip):
    said = record(strip.stage_clicked)
    strip.show_stages(STAGES)
    for key, button in strip.buttons.items():
        assert button.number == f"number {key}"
        assert button.accessibleName() == f"name {key}: number {key}"
        assert button.toolTip() == f"name {key}: number {key}\nhelp {key}."
    assert said == []


def test_stages_that_are_not_chosen_are_not_shown(qtbot):
    strip = shown(qtbot, PipelineStrip())
    usual = {key: ALL[key] for key in STAGE_KEYS if key not in OPTIONAL_KEYS}
    strip.show_stages(STAGES)
    strip.show_stages(Stages(**usual))
    assert {key for key, button in strip.buttons.items() if button.isVisible()} == set(usual)


@pytest.mark.parametrize("key", STAGE_KEYS)
def test_a_click_says_its_stage_once(qtbot, strip, key):
    said = record(strip.stage_clicked)
    qtbot.mouseClick(strip.buttons[key], Qt.MouseButton.LeftButton)
    assert said == [(key,)]


@pytest.mark.parametrize("key", STAGE_KEYS)
def test_the_keyboard_presses_a_stage(qtbot, strip, key):
    said = record(strip.stage_clicked)
    qtbot.keyClick(strip.buttons[key], Qt.Key.Key_Space)
    assert said == [(key,)]


def test_numbers_fit_where_there_is_room(strip):
    strip.show_stages(STAGES)
    for button in strip.buttons.values():
        assert button.sizeHint().width() >= button.fontMetrics().horizontalAdvance(button.number)
        assert button.minimumSizeHint().width() < button.sizeHint().width()
        assert button.minimumSizeHint().height() == button.sizeHint().height()


@pytest.mark.parametrize("width", [560, 700, 900, 1200])
def test_what_does_not_fit_ends_in_dots_and_no_number_loses_a_digit(qtbot, width):
    strip = shown(qtbot, PipelineStrip())
    stages = {key: Stage(key, "NMSE 0.012345 · 12\u202f345", "") for key in STAGE_KEYS}
    strip.show_stages(Stages(**stages))
    strip.setFixedWidth(width)
    qtbot.waitUntil(lambda: strip.width() == width)
    whole = {"NMSE", "0.012345", "·", "12\u202f345", "…"}
    for button in strip.buttons.values():
        words = button.findChildren(ElidedLabel)[1].shown.split(" ")
        assert set(words) <= whole
        assert ("…" in words) == (words != button.number.split(" "))
    assert strip.width() == width
