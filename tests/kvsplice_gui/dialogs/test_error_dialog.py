import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from kvsplice_gui.dialogs.error_dialog import ErrorDialog
from kvsplice_gui.look.errors import ErrorReport


@pytest.fixture
def dialog(qtbot):
    report = ErrorReport("A file must hold vectors; got text.", "Traceback: …", expected=True)
    shown = ErrorDialog(report)
    # The dialog deletes itself when it is closed, before qtbot would.
    shown.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(shown)
    shown.show()
    return shown


def test_the_sentence_is_shown_and_the_details_are_folded(dialog):
    assert dialog.sentence.text() == "A file must hold vectors; got text."
    assert not dialog.details.isVisible()


def test_details_unfold_and_fold(dialog):
    dialog.details_button.click()
    assert dialog.details.isVisible()
    dialog.details_button.click()
    assert not dialog.details.isVisible()


def test_copy_takes_everything(dialog):
    dialog.copy_button.click()
    assert QGuiApplication.clipboard().text() == (
        "A file must hold vectors; got text.\n\nTraceback: …"
    )


def test_escape_closes(dialog, qtbot):
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_without_details_nothing_unfolds(qtbot):
    dialog = ErrorDialog(ErrorReport("No.", "", expected=True))
    qtbot.addWidget(dialog)
    assert dialog.details_button.isHidden()
