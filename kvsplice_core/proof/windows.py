"""Which tokens are scored: windows of text from the beginning of every document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.language.texts import Document, tokenise
from kvsplice_core.language.windows import spread_budget

if TYPE_CHECKING:
    from kvsplice_core.language.models import LanguageModel

_LEAST_TOKENS = 16


@dataclass(frozen=True, eq=False)
class TextWindow:
    """Tokens the model reads at once.

    Parameters
    ----------
    document : str
        Name of the document.
    index : int
        Its place among the documents.
    ids : Tensor, shape (1, tokens), int64
        At least 2 tokens, those the tokenizer puts before a text first; all but the first are
        predicted.
    """

    document: str
    index: int
    ids: Tensor

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return int(self.ids.shape[1])

    def first(self, tokens: int) -> TextWindow:
        """Return the beginning of the window."""
        return TextWindow(self.document, self.index, self.ids[:, :tokens])


def text_windows(
    language: LanguageModel, documents: Sequence[Document], tokens: int, context: int | None = None
) -> tuple[TextWindow, ...]:
    """Cut documents into windows.

    Parameters
    ----------
    language : LanguageModel
    documents : sequence of Document
        Those of fewer than 2 tokens are left out.
    tokens : int
        Tokens to read at most; see `spread_budget`.
    context : int, optional
        See `LanguageModel.context_for`.

    Returns
    -------
    tuple of TextWindow
        In the order of the documents, each from its beginning on; its last window may be shorter.

    Raises
    ------
    DataError
        If no document has 2 tokens, or two are the same.
    SpecError
        If the budget gives no document 2 tokens, or more context is wished than the model reads.
    """
    length = language.context_for(context)
    _require_different(documents)
    read = [(i, one.name, tokenise(language, one)) for i, one in enumerate(documents)]
    usable = [(i, name, ids) for i, name, ids in read if len(ids) > 1]
    if not usable:
        raise DataError("a text to score must hold at least 2 tokens; got none that does")
    total = sum(len(ids) for _, _, ids in usable)
    if total < _LEAST_TOKENS:
        raise DataError(f"a text to score must give at least {_LEAST_TOKENS} tokens; got {total}")
    shares = spread_budget([len(ids) for _, _, ids in usable], tokens)
    start = torch.tensor(language.start, dtype=torch.int64)
    windows: list[TextWindow] = []
    for (i, name, ids), share in zip(usable, shares, strict=True):
        parts = [torch.cat([start, part]) for part in torch.split(ids[:share], length - len(start))]
        windows += [TextWindow(name, i, part[None]) for part in parts if len(part) > 1]
    if not windows:
        raise SpecError(f"the token budget must give a document 2 tokens; got {tokens} for all")
    return tuple(windows)


def _require_different(documents: Sequence[Document]) -> None:
    """Raise DataError for a text that is given twice: it would pass for two documents."""
    names: dict[str, str] = {}
    for one in documents:
        text = one.text.strip()
        if text in names:
            raise DataError(
                f"every document must be another text; {names[text]} and {one.name} are the same"
            )
        names[text] = one.name
