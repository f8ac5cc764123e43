"""Which documents of an evaluation the codecs were calibrated on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kvsplice_core.language.texts import Document, text_hash

if TYPE_CHECKING:
    from kvsplice_core.codec.card import Card
    from kvsplice_core.data.capture import CaptureFacts


def leaks_of_capture(facts: CaptureFacts, documents: Sequence[Document]) -> tuple[str, ...]:
    """Return the names of the documents that a capture has read."""
    return _leaks(documents, (span.sha256 for span in facts.documents), facts.text_sha256)


def leaks_of_card(card: Card, documents: Sequence[Document]) -> tuple[str, ...]:
    """Return the names of the documents that the capture of a card has read."""
    return _leaks(documents, card.provenance.document_sha256, card.provenance.text_sha256)


def _leaks(documents: Sequence[Document], known: Iterable[str], whole: object) -> tuple[str, ...]:
    hashes = {one for one in known if one}
    # Files of before documents were hashed one by one tell only whether all are the same.
    if not hashes and whole == text_hash(documents):
        return tuple(document.name for document in documents)
    return tuple(document.name for document in documents if document.sha256 in hashes)
