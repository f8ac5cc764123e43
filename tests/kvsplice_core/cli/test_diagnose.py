"""``kvsplice diagnose`` tells what is there and what is missing."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from kvsplice_core.cli import diagnose


def found(outcome) -> dict[str, str]:
    lines = (line.split(None, 1) for line in outcome.out.splitlines())
    return {cells[0]: cells[1].strip() for cells in lines if len(cells) == 2}


def test_versions_are_those_installed(kvsplice):
    rows = found(kvsplice("diagnose"))
    for name in ("torch", "numpy", "PyQt6", "matplotlib"):
        assert rows[name] == version(name)


def test_a_missing_package_is_called_missing(kvsplice, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(diagnose, "version", missing)
    assert found(kvsplice("diagnose"))["torch"] == "missing"


@pytest.mark.skipif(diagnose.sys.platform != "linux", reason="displays are named on Linux only")
@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "none"),
        ({"DISPLAY": ":7"}, "DISPLAY=:7"),
        ({"WAYLAND_DISPLAY": "w"}, "WAYLAND_DISPLAY=w"),
    ],
)
def test_the_display_is_the_one_in_the_environment(kvsplice, monkeypatch, names, words):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert found(kvsplice("diagnose"))["display"].startswith(words)


@pytest.mark.skipif(diagnose.sys.platform != "linux", reason="Qt brings its libraries elsewhere")
def test_a_missing_system_library_is_named(kvsplice, monkeypatch):
    monkeypatch.setattr(diagnose, "_loads", lambda library: library != "libEGL.so.1")
    assert found(kvsplice("diagnose"))["Qt"] == "system libraries missing: libEGL.so.1"
