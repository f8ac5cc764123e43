"""Which vectors are meant: a source and what is picked of it; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import option, require_ranges
from kvsplice_core.data.summary import SAMPLE_BUDGET, DataSummary

_ARRAY = "array"
_SAVED_ARRAY = "vectors.npy"
_DATA = "a sample's name (kvsplice samples), or a .safetensors, .pt, .pth, .npy or .npz file"


@dataclass(frozen=True)
class VectorSource:
    """Which vectors to read; the fields are those of `load_values`.

    Raises
    ------
    SpecError
        If one head and all heads are asked for, or a number lies outside its range.
    """

    data: str = option("Data", _DATA, flag="DATA")
    tensor: str | None = option(
        "Tensor", "the tensor inside the file", None, metavar="NAME", unset="the only one"
    )
    layer: int | None = option(
        "Layer", "index along the tensor's layer axis", None, metavar="L", low=0, unset="the first"
    )
    head: int | None = option("Head", "head", None, metavar="H", low=0, unset="0")
    pool_heads: bool = option(
        "All heads", "take the vectors of all heads", default=False, flag="--pool-heads"
    )
    axes: str | None = option(
        "Axes",
        'what the axes are, for example "token head dim"',
        None,
        metavar="NAMES",
        unset="as the file says, else from the shape",
    )
    budget: int = option(
        "At most",
        "vectors at most, a seeded sample of the rest",
        SAMPLE_BUDGET,
        flag="--budget",
        metavar="N",
        low=16,
        suffix=" vectors",
    )
    seed: int = option(
        "Seed of the sample",
        "seed of that sample",
        0,
        flag="--data-seed",
        metavar="S",
        low=0,
    )

    def __post_init__(self) -> None:
        require_ranges(self)
        if self.head is not None and self.pool_heads:
            raise SpecError(f"one head or all heads can be taken; got head {self.head} and all")

    @property
    def is_picked(self) -> bool:
        """Whether a part of the file is asked for rather than all of it."""
        return any(one is not None for one in (self.tensor, self.layer, self.head, self.axes))


def source_of(data: DataSummary) -> VectorSource:
    """Return what reads the same vectors again; an array stands as the file it may be saved to."""
    path = _SAVED_ARRAY if data.source == _ARRAY else data.source
    named = data.tensor not in {"", _ARRAY}
    is_alone = not named and PurePath(path).suffix in {"", ".npy"}
    # More than the usual budget must be asked for again, or a sample would be taken.
    sampled = data.available > data.vectors or data.vectors > SAMPLE_BUDGET
    return VectorSource(
        path,
        tensor=None if is_alone else data.tensor,
        # A layer in the tensor's own name needs no second word.
        layer=data.layer if "layer" in data.axes.split() else None,
        head=data.head,
        pool_heads=data.head is None and data.pooled_heads > 1,
        axes=data.axes,
        budget=data.vectors if sampled else SAMPLE_BUDGET,
        seed=data.seed if sampled else 0,
    )
