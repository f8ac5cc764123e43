"""Which tokens of which document a capture reads, and in which windows; free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kvsplice_core.base.errors import SpecError

_LEAST = 16
"""Tokens that even the shortest document gets, as far as it has them and the budget goes."""


@dataclass(frozen=True)
class Window:
    """Tokens the model reads at once.

    Parameters
    ----------
    document : int
        Which document.
    start, stop : int
        Its tokens in the document.
    row : int
        The row of its first token in the capture.
    """

    document: int
    start: int
    stop: int
    row: int


def spread_budget(lengths: Sequence[int], budget: int) -> tuple[int, ...]:
    """Return how many tokens to read of each document.

    Parameters
    ----------
    lengths : sequence of int
        Tokens of each document, ≥ 1.
    budget : int
        Tokens in all.

    Returns
    -------
    tuple of int
        In proportion to the lengths, yet a few of every document; their sum is the budget, or
        everything where the documents are shorter.

    Raises
    ------
    SpecError
        If there are more documents than tokens in the budget.
    """
    total = sum(lengths)
    if budget >= total:
        return tuple(lengths)
    if budget < len(lengths):
        raise SpecError(
            f"the token budget must be at least one for each of {len(lengths)} documents; "
            f"got {budget}"
        )
    least = min(_LEAST, budget // len(lengths))
    taken = [min(length, least) for length in lengths]
    left = [length - few for length, few in zip(lengths, taken, strict=True)]
    spare, rest = budget - sum(taken), sum(left)
    taken = [few + spare * more // rest for few, more in zip(taken, left, strict=True)]
    # What rounding down left over goes to the documents with the most unread tokens.
    unread = sorted(range(len(lengths)), key=lambda i: taken[i] - lengths[i])
    for i in unread[: budget - sum(taken)]:
        taken[i] += 1
    return tuple(taken)


def windows_of(shares: Sequence[int], context: int) -> tuple[Window, ...]:
    """Cut the first tokens of every document into windows of at most `context`."""
    windows, row = [], 0
    for document, share in enumerate(shares):
        for start in range(0, share, context):
            stop = min(share, start + context)
            windows.append(Window(document, start, stop, row))
            row += stop - start
    return tuple(windows)
