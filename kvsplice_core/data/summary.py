"""Which vectors were used."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_BUDGET = 120_000
"""Most vectors that are read unless more are asked for; of more, a sample is taken."""


SAMPLE_BUDGET = 120_000
"""Vectors read of a larger file, unless more are asked for."""


@dataclass(frozen=True)
class DataSummary:
    """Which vectors were used.

    Parameters
    ----------
    source : str
        What `load_values` was given: a sample's name, a path, or ``array``.
    tensor : str
        Name of the tensor inside the file.
    layer, head : int or None
        What was picked; `head` is None when heads were pooled or there is no head axis.
    pooled_heads : int
        Heads pooled into the rows; 1 when one head was picked. Rows of a token stand together.
    axes : str
        The axes of the tensor as read, for example ``token head dim``.
    vectors : int
        Rows n.
    dim : int
        Dimension d of one vector.
    available : int
        Rows the pick holds; more than `vectors` when a sample of a budget was taken.
    seed : int
        Seed of that sample.
    sha256 : str
        Hash of the fp32 rows, in hexadecimal.
    provenance : str
        Where the vectors come from, as the file says; may be empty.
    documents : int
        Documents they were read from; 0 when the file does not tell.
    """

    source: str
    tensor: str
    layer: int | None
    head: int | None
    pooled_heads: int
    axes: str
    vectors: int
    dim: int
    available: int
    seed: int
    sha256: str
    provenance: str = ""
    documents: int = 0

    @property
    def title(self) -> str:
        """Short name for headings, for example ``smollm2-v · layer 15 · head 0``."""
        parts = [self.source.replace("\\", "/").rsplit("/", 1)[-1]]
        if self.layer is not None:
            parts.append(f"layer {self.layer}")
        if self.head is not None:
            parts.append(f"head {self.head}")
        elif self.pooled_heads > 1:
            parts.append(f"{self.pooled_heads} heads pooled")
        return " · ".join(parts)
