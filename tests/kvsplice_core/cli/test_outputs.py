"""A bad place to write to is told before the work, and nothing is made."""

import os

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli.outputs import check_file, check_folder


@pytest.mark.parametrize("name", ["t.csv", "T.CSV", "new/deeper/t.csv"])
def test_a_good_file_is_returned_and_not_made(tmp_path, name):
    path = check_file("--csv", str(tmp_path / name), ".csv")
    assert path == tmp_path / name
    assert list(tmp_path.iterdir()) == []


def test_a_relative_name_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(check_file("--csv", "t.csv", ".csv")) == "t.csv"


@pytest.mark.parametrize("name", ["t.txt", "t", "csv"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(SpecError, match=r"--csv must name a file ending in \.csv; got"):
        check_file("--csv", str(tmp_path / name), ".csv")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(SpecError, match="is a folder"):
        check_file("--csv", str(tmp_path / "t.csv"), ".csv")


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_is_no_folder(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match=r"must lie in a folder; '.*file' is a file"):
        check_folder("--figures", str(tmp_path / name))


def test_a_read_only_folder_is_refused(tmp_path, monkeypatch):
    # Root may write everywhere, so the answer of the system is given here.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SpecError, match="read-only"):
        check_folder("--figures", str(tmp_path / "new"))
