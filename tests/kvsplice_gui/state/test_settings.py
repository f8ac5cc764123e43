import pytest
from PyQt6.QtCore import QByteArray

from kvsplice_gui.state import settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(settings.FOLDER_VARIABLE, str(tmp_path / "settings"))


def make_files(folder, number):
    paths = [folder / f"v{i}.npy" for i in range(number)]
    for path in paths:
        path.touch()
    return paths


def test_settings_lie_in_the_folder_of_the_variable(tmp_path):
    store = settings.open_settings()
    store.setValue("a", 1)
    store.sync()
    assert (tmp_path / "settings" / "KVSplice.ini").is_file()


def test_recent_files_are_newest_first_unique_and_few(tmp_path):
    paths = make_files(tmp_path, settings.RECENT_LIMIT + 2)
    for path in [*paths, paths[3]]:
        settings.add_recent_file(path)
    newest_first = [paths[3], *(p for p in reversed(paths) if p != paths[3])]
    assert settings.recent_files() == newest_first[: settings.RECENT_LIMIT]


def test_a_single_recent_file_survives(tmp_path):
    (path,) = make_files(tmp_path, 1)
    settings.add_recent_file(str(path))
    assert settings.recent_files() == [path]


def test_files_that_are_gone_are_not_listed(tmp_path):
    kept, gone = make_files(tmp_path, 2)
    settings.add_recent_file(kept)
    settings.add_recent_file(gone)
    gone.unlink()
    assert settings.recent_files() == [kept]


def test_clear_recent_files(tmp_path):
    settings.add_recent_file(make_files(tmp_path, 1)[0])
    settings.clear_recent_files()
    assert settings.recent_files() == []


def test_geometry_comes_back():
    assert settings.load_bytes("geometry").isEmpty()
    settings.save_bytes("geometry", QByteArray(b"\x00\x01\xff"))
    assert bytes(settings.load_bytes("geometry")) == b"\x00\x01\xff"


def test_session_keeps_its_types():
    session = {"k": 16, "source": "smollm2-v", "log": True, "head": None, "dims": [0, 3]}
    settings.save_session(session)
    assert settings.load_session() == session


@pytest.mark.parametrize("stored", ["{ broken", "[1, 2]", "", 7])
def test_a_damaged_session_is_an_empty_one(stored):
    settings.open_settings().setValue("session", stored)
    assert settings.load_session() == {}


def test_a_damaged_list_of_files_is_empty():
    settings.open_settings().setValue("recent_files", '{"a": 1}')
    assert settings.recent_files() == []


def test_recent_models_are_newest_first_unique_and_few():
    names = [f"org/model-{i}" for i in range(settings.RECENT_LIMIT + 2)]
    for name in [*names, names[3]]:
        settings.add_recent_model(name)
    newest_first = [names[3], *(n for n in reversed(names) if n != names[3])]
    assert settings.recent_models() == newest_first[: settings.RECENT_LIMIT]


def test_the_capture_folder_is_forgotten_with_the_folder(tmp_path):
    assert settings.capture_folder() is None
    settings.save_capture_folder(tmp_path)
    assert settings.capture_folder() == tmp_path
    settings.save_capture_folder(tmp_path / "gone")
    assert settings.capture_folder() is None
