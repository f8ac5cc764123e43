"""Documents of plain text, and the tokens a model reads of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError
from kvsplice_core.base.resources import resource_path
from kvsplice_core.language.bundled import BUNDLED

if TYPE_CHECKING:
    from kvsplice_core.language.models import LanguageModel


class BundledText(StrEnum):
    """Parts of the bundled books; gpt2-mini has learnt from neither."""

    CALIBRATION = "calibration"
    HELDOUT = "heldout"


@dataclass(frozen=True)
class Document:
    """One text that belongs together: a book, an article, a file."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of its text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_documents(paths: Sequence[str | Path]) -> tuple[Document, ...]:
    """Read text files, one document each; a folder stands for its ``.txt`` files in order.

    Raises
    ------
    DataError
        If one is missing, empty or not UTF-8, or a folder holds no ``.txt`` file.
    """
    documents = tuple(_read(path) for given in paths for path in _files(Path(given).expanduser()))
    if not documents:
        raise DataError("at least one text file is required; got none")
    return documents


def bundled_documents(part: BundledText) -> tuple[Document, ...]:
    """Return the books of one part of the bundle."""
    return read_documents([resource_path(BUNDLED, "text", BundledText(part).value)])


def documents_for(
    model: str, paths: Sequence[str | Path], part: BundledText
) -> tuple[Document, ...]:
    """Return the documents at `paths`, or for the bundled model those of `part`.

    Raises
    ------
    DataError
        If no path is given for another model, or one cannot be read.
    """
    if paths:
        return read_documents(paths)
    if model == BUNDLED:
        return bundled_documents(part)
    raise DataError(f"text is required for the model {model}; got no file (only {BUNDLED} has one)")


def text_hash(documents: Iterable[Document]) -> str:
    """Return the SHA-256 of the texts, each with its length before it."""
    digest = hashlib.sha256()
    for document in documents:
        text = document.text.encode()
        digest.update(f"{len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def tokenise(language: LanguageModel, document: Document) -> Tensor:
    """Return the tokens of a document, without special ones; shape (tokens,), int64."""
    encoded = language.tokenizer(document.text, add_special_tokens=False, verbose=False)
    return torch.tensor(encoded["input_ids"], dtype=torch.int64)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.txt"))
    if not found:
        raise DataError(f"a folder of text must hold .txt files; {path} holds none")
    return found


def _read(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"a text must be UTF-8; {path} is not", str(error)) from error
    except OSError as error:
        raise DataError(f"{path} must be a readable text file", str(error)) from error
    if not text.strip():
        raise DataError(f"a text must hold words; {path} is empty")
    return Document(path.stem, text)
