"""How large the house is: ``python -m tests.sizes`` prints the table of ``make size``.

Measured on the Python files of the two packages, from their syntax trees alone:

* Lines are all lines of the files; those of imports are the lines of every ``import`` and
  ``from … import``, also inside functions and under TYPE_CHECKING.
* Rooms are the folders of a package, modules at the root the other files beside them, without
  ``__init__`` and ``__main__``. A circle is a set of rooms that import each other, by any import.
  An import of the window runs up where the contract in ``pyproject.toml`` lists its room above.
* The lines of a function go from ``def`` to its last line, with signature and docstring, without
  decorators; methods and inner functions count as functions. p90 is the least length that nine in
  ten do not exceed.
* Files touched for a thing are those that mention one which is there, by the words in `TOUCHED`:
  the least and the most over several of a kind. Tests, texts and README are not counted.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE, WINDOW = "kvsplice_core", "kvsplice_gui"
LONG = 40  # lines

# What is added; the packages searched; of several that are there, what each is known by.
TOUCHED: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "a calibration option in both fronts",
        (CORE, WINDOW),
        (
            r"\bvalidation[_-]fraction\b",
            r"\bbatch[_-]size\b",
            r"\bk[_-]train\b",
            r"\bknot[_-]placement\b",
        ),
    ),
    (
        "a long work in the window",
        (WINDOW,),
        (
            r"\bUpdat(eWish|eDialog|eTable|eAsk|ing)\b|\bUPDAT(E|E_\w+|ING)\b"
            r"|\bupdate_job\b|\.updating\b|\badapted\b",
            r"\bCaptur(eWish|eDialog|eFields|ing)\b|\bCAPTURING\b|\.capturing\b"
            r"|\bcapture_(job|requested)\b",
        ),
    ),
    (
        "a plot with its figure",
        (CORE, WINDOW),
        (
            r"\bLossPlot\b|\bloss_(plot|curve)\b|\bviews\.loss\b",
            r"\bSlopeMap\b|\bslope_map\b|\bviews\.slopes\b",
            r"\bSensitivityMap\b|\bsensitivity_map\b|\bviews\.sensitivity\b",
        ),
    ),
)


@dataclass(frozen=True)
class Source:
    """One file: its module's name, its text and its tree."""

    module: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def room(self) -> str:
        """The package and the folder or file right below it: ``kvsplice_core.base``."""
        return room_of(self.module)

    @property
    def imports(self) -> Iterator[ast.Import | ast.ImportFrom]:
        return (n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom))

    @property
    def imported(self) -> Iterator[str]:
        """Names of all modules that are imported, those named by ``from`` in full."""
        for node in self.imports:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            else:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    @property
    def functions(self) -> Iterator[int]:
        """Lines of each function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield lines_of(node)


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def sources(package: str, root: Path = ROOT) -> tuple[Source, ...]:
    """Return the files of a package in the order of their paths."""
    files = sorted((root / package).rglob("*.py"))
    return tuple(
        Source(".".join(file.relative_to(root).with_suffix("").parts), file.read_text("utf-8"))
        for file in files
    )


def arrows(files: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """Yield the rooms of a package that import and are imported, once for each import."""
    rooms = {file.room for file in files}
    for file in files:
        for name in file.imported:
            if room_of(name) in rooms and room_of(name) != file.room:
                yield file.room, room_of(name)


def circles(edges: Sequence[tuple[str, str]]) -> list[frozenset[str]]:
    """Return the sets of rooms each of which reaches every other of its set."""
    reached = {start: _reached(edges, start) for edge in edges for start in edge}
    sets = {
        frozenset(other for other in found if room in reached[other])
        for room, found in reached.items()
        if room in found
    }
    return sorted(sets, key=sorted)


def _reached(edges: Sequence[tuple[str, str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        new = {to for frm, to in edges if frm == here} - found
        found |= new
        waiting += new
    return found


def floors(package: str, root: Path = ROOT) -> dict[str, int]:
    """Return the place of each room in the contract, 0 for the highest."""
    table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contracts = table["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c.get("containers") == [package])
    return {f"{package}.{name}": place for place, name in enumerate(layers)}


def runs_up(edges: Sequence[tuple[str, str]], places: Mapping[str, int]) -> int:
    """Count the imports of a room that stands above the one that imports it."""
    return sum(places[to] < places[frm] for frm, to in edges if frm in places and to in places)


def p90(lengths: Sequence[int]) -> int:
    return sorted(lengths)[math.ceil(0.9 * len(lengths)) - 1]


def touched(packages: Mapping[str, Sequence[Source]], inside: Sequence[str], words: str) -> int:
    """Count the files of `inside` in which the regular expression `words` is found."""
    pattern = re.compile(words)
    return sum(bool(pattern.search(file.text)) for name in inside for file in packages[name])


def table(root: Path = ROOT) -> list[tuple[str, str]]:
    """Return what is measured and its value, row by row."""
    packages = {name: sources(name, root) for name in (CORE, WINDOW)}
    files = [file for package in packages.values() for file in package]
    lines = sum(file.lines for file in files)
    imports = sum(lines_of(node) for file in files for node in file.imports)
    edges = {name: list(arrows(package)) for name, package in packages.items()}
    lengths = [length for file in files for length in file.functions]
    rows = [
        ("lines of the two packages", f"{lines:,}".replace(",", " ")),
        *((f"  {name}", str(sum(f.lines for f in of))) for name, of in packages.items()),
        ("share of import lines", f"{100 * imports / lines:.1f} %"),
        ("modules at the core's root and rooms", _root(packages[CORE])),
        ("circles between rooms", str(sum(len(circles(of)) for of in edges.values()))),
        ("window imports that run up", str(runs_up(edges[WINDOW], floors(WINDOW, root)))),
        ("functions: p90 lines", str(p90(lengths))),
        (f"functions over {LONG} lines", str(sum(length > LONG for length in lengths))),
    ]
    for name, inside, kinds in TOUCHED:
        counts = [touched(packages, inside, words) for words in kinds]
        rows.append((f"files touched for {name}", f"{min(counts)}–{max(counts)}"))
    return rows


def _root(files: Sequence[Source]) -> str:
    rooms = {file.room for file in files if file.module.count(".") > 1}
    root = [file.module for file in files if file.module.count(".") == 1]
    modules = [name for name in root if not name.endswith("__")]
    return f"{len(modules)} and {len(rooms)}"


def main() -> None:
    rows = table()
    width = max(len(name) for name, _ in rows)
    sys.stdout.writelines(f"{name:<{width}}  {value}\n" for name, value in rows)


if __name__ == "__main__":
    main()
