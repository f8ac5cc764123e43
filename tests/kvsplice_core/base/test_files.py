"""A file is written whole or not at all."""

import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.base.files import atomic_path, write_text

quick = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(text=st.text(st.characters(codec="utf-8")))
def test_text_arrives_byte_for_byte(text, tmp_path):
    write_text(tmp_path / "a.csv", text)
    assert (tmp_path / "a.csv").read_bytes() == text.encode()


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


def write_half(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_block_that_raises_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_at_the_target_until_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
    assert path.read_text() == "whole"


def test_a_folder_where_the_file_should_go_is_an_error_one_can_read(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(KVSpliceError, match="cannot write"):
        write_text(tmp_path / "a.txt", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_where_a_folder_should_be_is_an_error_one_can_read(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(KVSpliceError, match="cannot write"):
        write_text(tmp_path / "a" / "b.txt", "x")


@pytest.mark.skipif(sys.platform == "win32", reason="no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~umask
