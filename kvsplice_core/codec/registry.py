"""The registry of kinds: transforms, decoders and quantizers, known by what they say of themselves.

Command line, window, files and formulas build their choices from it. It is free of torch: what
learns and restores a kind is imported when first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from kvsplice_core.base.errors import SpecError

Maker = TypeVar("Maker")
AnyKind = TypeVar("AnyKind")


@dataclass(frozen=True)
class Look:
    """How pipelines are drawn whose most telling part is of one kind.

    Parameters
    ----------
    colours : tuple of str
        Hexadecimal RGB: of heads by themselves, and of heads together.
    symbols : tuple of str
        Symbols of pyqtgraph: of both, and of heads together on axes of their own.
    """

    colours: tuple[str, str]
    symbols: tuple[str, str, str]


class Family(type):
    """The class of a family of kinds; iterating over the family gives its kinds in their order."""

    kinds: dict[str, Any]

    def __init__(cls, *arguments: Any) -> None:  # noqa: ANN401 - those of `type`
        super().__init__(*arguments)
        cls.kinds = {}

    def __iter__(cls: type[AnyKind]) -> Iterator[AnyKind]:
        return iter(tuple(cast("Family", cls).kinds.values()))

    def __len__(cls) -> int:
        return len(cls.kinds)

    def __contains__(cls, kind: object) -> bool:
        return kind in cls.kinds.values()


class Kind(Generic[Maker], metaclass=Family):
    """One transform, decoder or quantizer: what is to be known of it without torch.

    Parameters
    ----------
    key : str
        The word typed on the command line and written into files. In capitals it is the name of
        the kind in its family, such as ``Method.SPLINE``.
    label : str
        The name on screen.
    place : str
        ``module:name`` of what learns and restores it.
    look : Look, optional
        How it is drawn; colours and symbols that no other kind has when omitted.
    """

    what: ClassVar[str]
    """What one of the family is called in sentences."""

    def __init__(self, key: str, label: str, place: str, look: Look | None) -> None:
        self.key = key
        self.label = label
        self.place = place
        self.look = look

    @property
    def name(self) -> str:
        """The kind's name in its family."""
        return self.key.replace("-", "_").upper()

    @classmethod
    def of(cls, key: str) -> Self:
        """Return the kind typed as `key`.

        Raises
        ------
        SpecError
            If the family has none of that key.
        """
        for kind in cls:
            if kind.key == key:
                return kind
        known = ", ".join(kind.key for kind in cls)
        raise SpecError(f"a {cls.what} must be one of {known}; got {key!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __reduce__(self) -> tuple[object, ...]:
        # copied and unpickled it is still the one kind, which is compared by identity
        return type(self).of, (self.key,)


def declare(*kinds: Kind[Any]) -> None:
    """Add kinds to their families."""
    for kind in kinds:
        family = type(kind)
        family.kinds[kind.key] = kind
        setattr(family, kind.name, kind)


@contextmanager
def registered(*kinds: Kind[Any]) -> Iterator[None]:
    """Add kinds to their families for as long as the context is open."""
    declare(*kinds)
    try:
        yield
    finally:
        for kind in kinds:
            del type(kind).kinds[kind.key]
            delattr(type(kind), kind.name)


def load(kind: Kind[Maker]) -> Maker:
    """Return what learns and restores a kind (imports torch)."""
    return cast("Maker", resolve_name(kind.place))
