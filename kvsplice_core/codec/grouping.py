"""Which heads of a layer are coded together; free of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kvsplice_core.base.errors import SpecError


class GroupingKind(StrEnum):
    """How the heads of a layer are put into vectors."""

    EACH = "each"
    POOLED = "pooled"
    JOINED = "joined"
    BLOCKS = "blocks"


@dataclass(frozen=True)
class Grouping:
    """Which heads make one vector, and which vectors share a codec.

    Parameters
    ----------
    kind : GroupingKind
        ``EACH``: every head by itself. ``POOLED``: every head by itself, one codec for all of
        them. ``JOINED``: all heads of a layer are one vector of heads · head_dim. ``BLOCKS``:
        neighbouring heads are joined by `size`, so that the basis is block-diagonal.
    size : int
        Heads of a block, ≥ 2; only for ``BLOCKS``.
    """

    kind: GroupingKind = GroupingKind.EACH
    size: int = 2

    def __post_init__(self) -> None:
        if self.size < 2:
            raise SpecError(f"a block must join at least 2 heads; got {self.size}")

    @classmethod
    def of(cls, text: str) -> Grouping:
        """Read ``each``, ``pooled``, ``joined`` or ``blocks:4``.

        Raises
        ------
        SpecError
            If it is none of them.
        """
        if match := re.fullmatch(r"blocks:(\d{1,4})", text):
            return cls(GroupingKind.BLOCKS, int(match[1]))
        if text in (GroupingKind.EACH, GroupingKind.POOLED, GroupingKind.JOINED):
            return cls(GroupingKind(text))
        raise SpecError(f"a grouping must be each, pooled, joined or blocks:N; got {text!r}")

    @property
    def key(self) -> str:
        """The word typed on the command line."""
        return f"blocks:{self.size}" if self.kind is GroupingKind.BLOCKS else self.kind.value

    @property
    def label(self) -> str:
        """The words on screen."""
        words = {
            GroupingKind.EACH: "each head",
            GroupingKind.POOLED: "heads pooled",
            GroupingKind.JOINED: "heads joined",
            GroupingKind.BLOCKS: f"blocks of {self.size} heads",
        }
        return words[self.kind]

    def span(self, heads: int) -> int:
        """Return how many of `heads` heads are joined into one vector.

        Raises
        ------
        SpecError
            If the heads cannot be cut into such blocks.
        """
        if self.kind is GroupingKind.JOINED:
            return heads
        if self.kind is not GroupingKind.BLOCKS:
            return 1
        if heads % self.size:
            raise SpecError(f"{heads} heads cannot be cut into blocks of {self.size}")
        return self.size

    def codecs(self, heads: int) -> int:
        """Return how many codecs a layer of `heads` heads has."""
        return 1 if self.kind is GroupingKind.POOLED else heads // self.span(heads)
