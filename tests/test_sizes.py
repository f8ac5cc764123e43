from pathlib import Path

import pytest

from tests import sizes

CONTRACT = """
[[tool.importlinter.contracts]]
containers = ["kvsplice_gui"]
layers = ["window", "panels", "look"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    write("pyproject.toml", CONTRACT)
    write("kvsplice_core/__init__.py", "")
    write("kvsplice_core/version.py", "")
    write("kvsplice_core/base/text.py", "flag = '--batch-size'\n")
    write("kvsplice_core/codec/card.py", "from kvsplice_core.base import text\n")
    write("kvsplice_gui/window/main.py", "import kvsplice_gui.panels.bar\n")
    write("kvsplice_gui/panels/bar.py", "from kvsplice_gui.look.theme import Theme\n")
    write("kvsplice_gui/look/theme.py", "def theme():\n    return 1\n")
    return tmp_path


def test_the_table_counts_lines_imports_rooms_and_files(root: Path) -> None:
    rows = dict(sizes.table(root))

    assert rows["lines of the two packages"] == "6"
    assert rows["share of import lines"] == "50.0 %"
    assert rows["modules at the core's root and rooms"] == "1 and 2"
    assert rows["circles between rooms"] == rows["window imports that run up"] == "0"
    assert rows["functions: p90 lines"] == "2"
    assert rows["files touched for a calibration option in both fronts"] == "0–1"


@pytest.mark.parametrize(
    "hidden",
    [
        "if TYPE_CHECKING:\n    from kvsplice_gui.window import main",
        "def late():\n    import kvsplice_gui.window.main",
    ],
)
def test_an_import_up_and_its_circle_are_seen_wherever_it_hides(root: Path, hidden: str) -> None:
    (root / "kvsplice_gui/look/theme.py").write_text(hidden, encoding="utf-8")
    edges = list(sizes.arrows(sizes.sources("kvsplice_gui", root)))

    assert sizes.runs_up(edges, sizes.floors("kvsplice_gui", root)) == 1
    assert sizes.circles(edges) == [
        {"kvsplice_gui.window", "kvsplice_gui.panels", "kvsplice_gui.look"}
    ]


def test_two_circles_that_share_no_room_are_two() -> None:
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c"), ("d", "e")]

    assert sizes.circles(edges) == [{"a", "b"}, {"c", "d"}]


def test_nine_in_ten_are_no_longer_than_p90() -> None:
    assert sizes.p90(list(range(1, 11))) == 9
    assert sizes.p90([1] * 9 + [50]) == 1


def test_what_is_looked_for_is_there() -> None:
    packages = {name: sizes.sources(name) for name in (sizes.CORE, sizes.WINDOW)}

    for _, inside, kinds in sizes.TOUCHED:
        assert all(sizes.touched(packages, inside, words) > 0 for words in kinds)


def test_no_room_of_the_house_imports_one_above() -> None:
    rows = dict(sizes.table())

    assert rows["circles between rooms"] == rows["window imports that run up"] == "0"
