import sys
import threading

import pytest

from kvsplice_core.base.errors import DataError
from kvsplice_gui.look.errors import install_hooks, report_of


@pytest.fixture
def reports(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    seen = []
    install_hooks(seen.append)
    return seen


def caught(error):
    try:
        raise error
    except type(error) as raised:
        return raised


def test_an_expected_error_keeps_its_sentence_and_details():
    report = report_of(caught(DataError("vectors must be floats; got int64", "tensor: ids")))
    assert report.sentence == "vectors must be floats; got int64"
    assert report.details.startswith("tensor: ids")
    assert "Traceback" in report.details
    assert report.expected


def test_a_fault_is_named_and_not_expected():
    report = report_of(caught(ValueError("first line\nsecond line")))
    assert report.sentence.endswith("ValueError: first line")
    assert "second line" in report.text
    assert not report.expected


def test_an_error_without_words_is_named():
    assert report_of(caught(IndexError())).sentence.endswith("IndexError")


def test_memory_is_told_in_plain_words():
    assert "memory" in report_of(caught(MemoryError())).sentence


def test_the_hook_reports(reports):
    error = caught(ValueError("boom"))
    sys.excepthook(ValueError, error, error.__traceback__)
    assert "boom" in reports[0].sentence


def test_the_hook_leaves_ctrl_c_to_python(reports, capsys):
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert reports == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_errors_of_threads_are_reported(reports):
    def fail():
        raise DataError("no rows; got 0")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [report.sentence for report in reports] == ["no rows; got 0"]
