"""What each axis of a tensor means: stated by the user, by the file, or inferred."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

AXIS_NAMES = ("layer", "batch", "head", "token", "dim")
MIN_AXES = 2
MAX_AXES = len(AXIS_NAMES)


class AxesOrigin(StrEnum):
    """Who said what the axes are."""

    STATED = "stated"
    METADATA = "metadata"
    INFERRED = "inferred"


@dataclass(frozen=True)
class Axes:
    """The names of a tensor's axes in order.

    Parameters
    ----------
    names : tuple of str
        Each of ``layer``, ``batch``, ``head``, ``token``, ``dim`` at most once; ``dim`` is last.
    origin : AxesOrigin
        Who said so; shown to the user, because an inferred order may be wrong.
    """

    names: tuple[str, ...]
    origin: AxesOrigin

    def __str__(self) -> str:
        return " ".join(self.names)

    @property
    def text(self) -> str:
        """For people: ``token head dim (inferred)``."""
        return f"{self} ({self.origin})"

    def index(self, name: str) -> int | None:
        """Return the position of axis `name`, or None if there is none."""
        return self.names.index(name) if name in self.names else None

    def size(self, shape: Sequence[int], name: str) -> int | None:
        """Return the length of axis `name` in `shape`, or None if there is none."""
        position = self.index(name)
        return None if position is None else shape[position]


def resolve_axes(
    shape: Sequence[int],
    stated: str | Sequence[str] | None = None,
    metadata: str | None = None,
) -> Axes:
    """Name the axes of a tensor.

    Parameters
    ----------
    shape : sequence of int
        Two to five sizes.
    stated : str or sequence of str, optional
        The user's word, for example ``"token head dim"``; it comes first.
    metadata : str, optional
        The file's word; it counts where it names as many axes as the tensor has.

    Raises
    ------
    SpecError
        If `stated` does not name every axis once, ``token`` among them and ``dim`` last.
    DataError
        If `metadata` does not, or `shape` has fewer than two or more than five sizes.
    """
    if not MIN_AXES <= len(shape) <= MAX_AXES:
        raise DataError(f"vectors need {MIN_AXES} to {MAX_AXES} axes; got shape {tuple(shape)}")
    if stated is not None:
        names = split_axes(stated)
        if fault := _fault(names, shape):
            raise SpecError(f"axes {fault}")
        return Axes(names, AxesOrigin.STATED)
    names = split_axes(metadata or "")
    if len(names) != len(shape):
        return Axes(_infer(shape), AxesOrigin.INFERRED)
    if fault := _fault(names, shape):
        raise DataError(f"the metadata axes of the file {fault}")
    return Axes(names, AxesOrigin.METADATA)


def split_axes(text: str | Sequence[str]) -> tuple[str, ...]:
    """Split ``"token, head dim"`` into lower-case names; a sequence is taken as it is."""
    words = re.split(r"[\s,]+", text.strip()) if isinstance(text, str) else text
    return tuple(word.lower() for word in words if word)


def _fault(names: tuple[str, ...], shape: Sequence[int]) -> str | None:
    got = " ".join(names) or "none"
    if len(names) != len(shape):
        return f"must name the {len(shape)} axes of shape {tuple(shape)}; got {len(names)}: {got}"
    if set(names) - set(AXIS_NAMES):
        return f"must be among {', '.join(AXIS_NAMES)}; got {got}"
    if len(set(names)) != len(names):
        return f"must name each axis once; got {got}"
    if names[-1] != "dim" or "token" not in names:
        return f"must contain token and end with dim; got {got}"
    return None


def _infer(shape: Sequence[int]) -> tuple[str, ...]:
    if len(shape) == MIN_AXES:
        return ("token", "dim")
    # On a tie the order is the Hugging Face cache's: (batch, head, token, dim).
    inner = ("token", "head") if shape[-3] > shape[-2] else ("head", "token")
    return (*AXIS_NAMES[MAX_AXES - len(shape) : 2], *inner, "dim")
