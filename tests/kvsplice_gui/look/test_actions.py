"""An action says what it is called, whether it can be done, and why not, wherever it is shown."""

from dataclasses import dataclass, field

import pytest
from PyQt6.QtWidgets import QMainWindow

from kvsplice_gui.look.actions import Action, StartButton


@dataclass
class Work:
    """What the action reads, and how often it ran."""

    why_not: str = "Open vectors first"
    text: str = "&Solve for the budget"
    is_on: bool = False
    runs: list = field(default_factory=list)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def buttons():
    return StartButton("Solve", "The help of the button"), StartButton("Solve")


@pytest.fixture
def action(work, window, buttons):
    return Action(
        lambda: work.text,
        lambda: work.runs.append(1),
        "Ctrl+R",
        "What it does",
        lambda: work.why_not,
        buttons=buttons,
    ).made(window)


def test_what_cannot_be_done_says_why_in_menu_and_buttons(action, buttons, work):
    for shown in (action, *buttons):
        assert not shown.isEnabled()
        assert shown.toolTip() == "Open vectors first"
    assert action.statusTip() == "Open vectors first"
    work.why_not = ""
    action.refresh()
    assert action.isEnabled()
    assert action.toolTip() == action.statusTip() == "What it does"
    assert [button.isEnabled() for button in buttons] == [True, True]
    assert [button.toolTip() for button in buttons] == ["The help of the button", "What it does"]


def test_menu_and_buttons_do_the_same(action, buttons, work):
    for shown in buttons:
        shown.click()
    action.trigger()
    assert work.runs == []
    work.why_not = ""
    action.refresh()
    buttons[0].click()
    buttons[1].click()
    action.trigger()
    assert len(work.runs) == 3
    assert action.shortcut().toString() == "Ctrl+R"


def test_what_is_called_otherwise_is_so_everywhere(action, buttons, work):
    work.text = "So&lve for the loss"
    action.refresh()
    assert action.text() == "So&lve for the loss"
    assert {button.text() for button in buttons} == {"Solve for the loss"}


def test_a_tick_shows_what_is_and_not_what_was_pressed(window, work):
    action = Action("&Dark", lambda: None, is_on=lambda: work.is_on).made(window)
    action.trigger()  # nothing came of it
    assert action.isChecked() is False
    work.is_on = True
    action.refresh()
    assert action.isChecked()
