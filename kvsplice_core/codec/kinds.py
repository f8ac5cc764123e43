"""The compression methods: one line each, from which CLI and GUI build their choices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kvsplice_core.base.errors import SpecError

if TYPE_CHECKING:
    from kvsplice_core.codec.transforms.base import TransformKind

MIN_KNOTS = 3
MAX_KNOTS = 64


class Recipe(StrEnum):
    """How a transform is calibrated.

    ``ORIGIN`` alternates: PCA is refitted once an epoch and held constant while the transform
    learns, once for all k. ``JOINT`` learns encoder, decoder, offset and transform together,
    once for each k, starting at PCA.
    """

    ORIGIN = "origin"
    JOINT = "joint"


class Curve(StrEnum):
    """What the curve of a spline is made of.

    ``LINEAR``: straight pieces (C⁰). ``RATIONAL_QUADRATIC``: monotone rational-quadratic pieces
    (C¹). ``SMOOTH``: straight pieces whose change of slope from knot to knot costs something.
    """

    LINEAR = "linear"
    RATIONAL_QUADRATIC = "rational-quadratic"
    SMOOTH = "smooth"


class KnotPlacement(StrEnum):
    """Where the knots of a spline lie.

    ``QUANTILES`` of each dimension, ``UNIFORM`` over its range, or ``LEARNT``: started at the
    quantiles and moved with the slopes.
    """

    QUANTILES = "quantiles"
    UNIFORM = "uniform"
    LEARNT = "learnt"


class CouplingKind(StrEnum):
    """What one half of the dimensions does to the other in a flow.

    ``AFFINE`` scales and shifts it; ``RATIONAL_QUADRATIC`` bends it by monotone splines.
    """

    AFFINE = "affine"
    RATIONAL_QUADRATIC = "rational-quadratic"


class Method(Enum):
    """A transform in front of PCA.

    Each member is ``(key, column, label, module)``: the word typed on the command line, the
    spelling in result files, the name on screen, and the module of ``codec.transforms``
    that holds its ``KIND``. The module is imported when first used, because it needs torch.
    """

    PCA = ("pca", "PCA", "PCA", "identity")
    SPLINE = ("spline", "SplinePCA", "Spline→PCA", "spline_kind")
    FLOW = ("flow", "FlowPCA", "Flow→PCA", "flow")

    def __init__(self, key: str, column: str, label: str, module: str) -> None:
        self.key = key
        self.column = column
        self.label = label
        self._module = module

    @property
    def kind(self) -> TransformKind:
        """How this method's transform is learnt and restored (imports torch)."""
        module = import_module(f"kvsplice_core.codec.transforms.{self._module}")
        return cast("TransformKind", module.KIND)

    @property
    def is_learnt(self) -> bool:
        """Whether the transform has parameters to calibrate."""
        return self is not Method.PCA

    @classmethod
    def of(cls, key: str) -> Method:
        """Return the method typed as `key`.

        Raises
        ------
        SpecError
            If no method has that key.
        """
        for method in cls:
            if method.key == key:
                return method
        known = ", ".join(method.key for method in cls)
        raise SpecError(f"a method must be one of {known}; got {key!r}")


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
