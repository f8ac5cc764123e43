"""The map for those who change the code names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
FILES = {str(file.relative_to(ROOT)) for file in ROOT.glob("*/**/*.py")}
PATHS = {path for path in re.findall(r"`([\w/]+\.py)`", TEXT) if "NAME" not in path}
HOMES = re.findall(r"`(\w+)(?:\([\w, ]*\))?` \(`([\w/]+\.py)`\)", TEXT)
ROOMS = re.findall(r"\| `(\w+)/` \|", TEXT)


def named(path: str) -> list[str]:
    return [file for file in FILES if f"/{file}".endswith(f"/{path}")]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_file_is_there(path: str) -> None:
    assert named(path)


@pytest.mark.parametrize(("name", "path"), HOMES)
def test_every_type_lives_where_it_is_said_to(name: str, path: str) -> None:
    sources = [(ROOT / file).read_text(encoding="utf-8") for file in named(path)]
    assert any(f"class {name}" in source for source in sources)


def test_every_room_is_named() -> None:
    packages = ("kvsplice_core", "kvsplice_gui")
    rooms = [one.parent.name for package in packages for one in ROOT.glob(f"{package}/*/*.py")]
    assert set(rooms) <= set(ROOMS)
