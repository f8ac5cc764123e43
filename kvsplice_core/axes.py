"""In which axes a transform sees the vectors."""

from __future__ import annotations

from enum import StrEnum


class Axes(StrEnum):
    """The basis in front of a spline or flow.

    The axes of V are a gauge: W_V → W_V A with W_O → A⁻¹ W_O changes nothing in the model, so
    the raw axes are a choice like any other.

    ``RAW`` takes the vectors as they are; ``PCA`` turns them to their principal axes;
    ``WHITENED`` also divides by the standard deviations; ``OUTPUT`` turns to the principal axes
    of what the output projection makes of them.
    """

    RAW = "raw"
    PCA = "pca"
    WHITENED = "whitened"
    OUTPUT = "output"

    @property
    def where(self) -> str:
        """The axes in words, for titles, such as ``in PCA axes``; empty for raw ones."""
        names = {Axes.PCA: "PCA", Axes.WHITENED: "whitened", Axes.OUTPUT: "output"}
        return f"in {names[self]} axes" if self in names else ""
