"""What to say beside a result; free of torch."""

from __future__ import annotations

SOUND_DOCUMENTS = 6
"""Fewest documents whose bootstrap interval is shown without a caveat."""


def interval_caveats(documents: int) -> tuple[str, ...]:
    """Return what intervals over so few documents are worth; empty from 6 documents on."""
    if documents >= SOUND_DOCUMENTS:
        return ()
    if documents == 1:
        return ("one document: the intervals are over its windows and tell nothing about others",)
    return (
        f"{documents} documents: intervals over fewer than {SOUND_DOCUMENTS} are too narrow and "
        "tell little about others",
    )
