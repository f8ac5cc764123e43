"""One declaration for every field a user may set: what each front and each file reads of it.

A spec is a frozen dataclass whose fields are made by `option`, or by `part` where another spec is
inside. From them come the flags of a command, the fields of a panel, ranges and their refusals,
JSON, copied commands and copied Python, and the words for what differs.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from enum import Enum, StrEnum
from typing import Any, TypeVar

from kvsplice_core.base.errors import SpecError

Spec = TypeVar("Spec")
_OPTION, _PART = "option", "part"
_LARGEST_IN_RANGE = 65_536


@dataclass(frozen=True)
class Option:
    """How one field of a spec is asked for, wherever it is asked for.

    Parameters
    ----------
    label : str
        Its name on screen and in sentences; a capital where it stands beside a field.
    help : str
        What it does, and in which unit.
    flag : str
        The word of the command line; from the field's name when empty. ``DATA`` and other words
        in capitals stand for a positional argument.
    metavar : str
        What stands for its value in the help of the command line.
    low, high : float, optional
        Ends of its range, included; each number of a list must lie in it.
    above, below : float, optional
        Ends of its range, left out.
    choices : tuple of str
        Words it may be, where the type allows more.
    unset : str
        What None or an empty list stands for, in words.
    suffix : str
        Unit shown in a field, such as `` tokens``.
    ranges : bool
        Whether a list of numbers may be written with ranges, such as ``1-8,16``.
    words : bool
        Whether a list is written as words after its flag rather than with commas.
    heeded_by : tuple of str
        Keys of the methods that heed it; empty where all do.
    is_always_written : bool
        Whether a copy states it even where it is usual, as what is usual depends on more.
    """

    label: str
    help: str
    flag: str = ""
    metavar: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    unset: str = ""
    suffix: str = ""
    ranges: bool = False
    words: bool = False
    heeded_by: tuple[str, ...] = ()
    is_always_written: bool = False


@dataclass(frozen=True)
class Part:
    """A spec inside a spec: the heading of its options, and the fields that are set otherwise."""

    title: str = ""
    without: tuple[str, ...] = ()


def option(label: str, help_text: str, default: Any = MISSING, **more: Any) -> Any:  # noqa: ANN401
    """Return a dataclass field that declares an option; `more` are fields of `Option`."""
    return field(default=default, metadata={_OPTION: Option(label, help_text, **more)})


def part(
    factory: Any = MISSING,  # noqa: ANN401 - a spec, or what makes one
    title: str = "",
    *,
    without: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - a dataclass field
    """Return a dataclass field that holds another spec, made by `factory` when omitted.

    Without a factory it must be given. `without` names what its owner sets by itself.
    """
    metadata = {_PART: Part(title, without)}
    return (
        field(metadata=metadata)
        if factory is MISSING
        else field(default_factory=factory, metadata=metadata)
    )


def shared(owner: Any, name: str) -> Any:  # noqa: ANN401 - a dataclass and a field
    """Return a field that declares the same option, with the same default, as one of `owner`."""
    (one,) = (one for one in dataclasses.fields(owner) if one.name == name)
    return field(default=one.default, metadata=dict(one.metadata))


@dataclass(frozen=True)
class Entry:
    """A field of a spec with its option, or with the part it holds.

    Parameters
    ----------
    name : str
        The field's name.
    kind : type
        Of its value, or of each of its values where it is a list.
    is_list, is_optional : bool
        Whether it is a tuple, and whether it may be None.
    default : object
        Its value when omitted; ``MISSING`` where it must be given.
    option : Option or None
    part : Part or None
    """

    name: str
    kind: Any
    is_list: bool
    is_optional: bool
    default: Any
    option: Option | None
    part: Part | None

    @property
    def flag(self) -> str:
        """The word of the command line."""
        asked = self.option.flag if self.option is not None else ""
        return asked or f"--{self.name.replace('_', '-')}"

    @property
    def is_positional(self) -> bool:
        """Whether its value stands without a flag."""
        return not self.flag.startswith("-")

    @property
    def choices(self) -> tuple[str, ...]:
        """Words it may be; empty where there is no list of them."""
        if self.option is not None and self.option.choices:
            return self.option.choices
        if isinstance(self.kind, type) and issubclass(self.kind, StrEnum):
            return tuple(str(choice.value) for choice in self.kind)
        if not self.is_list and isinstance(self.kind, type) and isinstance(self.kind, Iterable):
            return tuple(text_of(choice) for choice in self.kind)
        return ()

    def read(self, text: str) -> Any:  # noqa: ANN401 - of the field's type
        """Return the value that stands for `text`.

        Raises
        ------
        SpecError
            If it does not stand for one.
        """
        if not self.is_list:
            return self._one(text)
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        if self.option is not None and self.option.ranges:
            return tuple(number for one in parts for number in _numbers(self, one, text))
        return tuple(self._one(one) for one in parts)

    def _one(self, text: str) -> Any:  # noqa: ANN401
        if self.kind in (int, float):
            return _number(self, text)
        if hasattr(self.kind, "of"):
            return self.kind.of(text)
        if self.choices and text not in self.choices:
            raise SpecError(f"{self.noun} must be one of {', '.join(self.choices)}; got {text!r}")
        return self.kind(text)

    @property
    def noun(self) -> str:
        """Its name inside a sentence."""
        label = self.option.label if self.option is not None else self.name
        return label if label[:2].isupper() or len(label) == 1 else label[:1].lower() + label[1:]


_ENTRIES: dict[Any, tuple[Entry, ...]] = {}


def entries(spec: Any) -> tuple[Entry, ...]:  # noqa: ANN401 - any spec
    """Return the options and parts of a spec, in the order of its fields."""
    if spec not in _ENTRIES:
        _ENTRIES[spec] = tuple(_entries(spec))
    return _ENTRIES[spec]


def _entries(spec: Any) -> Iterator[Entry]:  # noqa: ANN401
    hints = typing.get_type_hints(spec)
    for one in dataclasses.fields(spec):
        asked, inner = one.metadata.get(_OPTION), one.metadata.get(_PART)
        if asked is None and inner is None:
            continue
        kind, is_list, is_optional = _kind(hints[one.name])
        default = one.default if one.default_factory is MISSING else one.default_factory()
        yield Entry(one.name, kind, is_list, is_optional, default, asked, inner)


def option_of(spec: type[Any], name: str) -> Option:
    """Return the option that a field of a spec declares."""
    (found,) = (one.option for one in entries(spec) if one.name == name and one.option is not None)
    return found


def options_of(spec: type[Any]) -> Iterator[Entry]:
    """Yield the options of a spec and of the specs inside it, those left out passed over."""
    for entry in entries(spec):
        if entry.part is None:
            yield entry
        else:
            yield from (e for e in options_of(entry.kind) if e.name not in entry.part.without)


def _kind(hint: Any) -> tuple[Any, bool, bool]:  # noqa: ANN401 - a type or a union of them
    """Return what a hint holds, whether it is a list, and whether it may be None."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [one for one in typing.get_args(hint) if one is not type(None)]
        kind, is_list, _ = _kind(inner[0])
        return kind, is_list, len(inner) < len(typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True, False
    return hint, False, False


# -- ranges ---------------------------------------------------------------------------------


def require_ranges(spec: Any) -> None:  # noqa: ANN401
    """Raise SpecError where an option of a spec lies outside its range or its choices."""
    for entry in entries(type(spec)):
        if entry.option is None:
            continue
        value = getattr(spec, entry.name)
        for one in value if entry.is_list and value is not None else (value,):
            if isinstance(one, int | float) and not isinstance(one, bool):
                _require_in(entry, entry.option, one)
            elif type(one) is str and entry.choices and one not in entry.choices:
                known = ", ".join(entry.choices)
                raise SpecError(f"{entry.noun} must be one of {known}; got {one!r}")


def _require_in(entry: Entry, asked: Option, number: float) -> None:
    low = number >= asked.low if asked.low is not None else True
    high = number <= asked.high if asked.high is not None else True
    above = number > asked.above if asked.above is not None else True
    below = number < asked.below if asked.below is not None else True
    if math.isinf(number):
        raise SpecError(f"{entry.noun} must be finite; got {number}")
    if not (low and high and above and below):
        raise SpecError(f"{entry.noun} must {range_words(asked)}; got {number}")


def range_words(asked: Option) -> str:
    """Return the range of a number in words, such as ``lie between 3 and 64``."""
    low, high = asked.low if asked.above is None else asked.above, asked.high
    high = high if asked.below is None else asked.below
    if low is None:
        return f"be at most {high:g}" if asked.below is None else f"be below {high:g}"
    if high is None:
        return f"be at least {low:g}" if asked.above is None else f"be above {low:g}"
    if asked.above is not None and asked.below is None:
        return f"be above {low:g} and at most {high:g}"
    return f"lie between {_whole(low)} and {_whole(high)}"


def _whole(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


# -- text -----------------------------------------------------------------------------------


def text_of(value: object) -> str:
    """Return the word that stands for a value on the command line and in files."""
    if isinstance(value, tuple):
        return ",".join(map(text_of, value))
    if hasattr(value, "key") and hasattr(type(value), "of"):
        return str(value.key)
    if isinstance(value, Enum):
        return str(value.value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _number(entry: Entry, text: str) -> int | float:
    try:
        number: int | float = entry.kind(text)
    except ValueError as error:
        what = "an integer" if entry.kind is int else "a number"
        raise SpecError(f"{entry.noun} must be {what}; got {text!r}") from error
    if not math.isfinite(number):
        raise SpecError(f"{entry.noun} must be finite; got {text!r}")
    return number


def _numbers(entry: Entry, piece: str, text: str) -> range:
    low, dash, high = (end.strip() for end in piece.partition("-"))
    ends = (low, high if dash else low)
    lowest = int(entry.option.low or 0) if entry.option is not None else 0
    if not all(end.isascii() and end.isdecimal() for end in ends):
        raise SpecError(
            f"{entry.noun} must be numbers and ranges such as {lowest}-8,16,32; got {text!r}"
        )
    first, last = int(ends[0]), int(ends[1])
    if not lowest <= first <= last <= _LARGEST_IN_RANGE:
        raise SpecError(
            f"every number of {entry.noun} must lie in {lowest} … {_LARGEST_IN_RANGE}, ranges "
            f"ascending; got {piece!r}"
        )
    return range(first, last + 1)


# -- JSON -----------------------------------------------------------------------------------


def settings(spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return every option of a spec as JSON values, the specs inside it as objects."""
    return {
        entry.name: settings(getattr(spec, entry.name))
        if entry.part is not None
        else _plain(getattr(spec, entry.name))
        for entry in entries(type(spec))
    }


def _plain(value: object) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else text_of(value)


def from_settings(spec: type[Spec], stored: Mapping[str, Any]) -> Spec:
    """Return the spec that `settings` wrote; what is missing takes its default.

    Raises
    ------
    SpecError
        If a value is of another type, or lies outside its range.
    """
    found = {
        entry.name: from_settings(entry.kind, _object(entry, stored[entry.name]))
        if entry.part is not None
        else _restored(entry, stored[entry.name])
        for entry in entries(spec)
        if entry.name in stored
    }
    return spec(**found)


def _object(entry: Entry, stored: object) -> Mapping[str, Any]:
    if not isinstance(stored, Mapping):
        raise SpecError(f"{entry.noun} must be an object; got {stored!r}")
    return stored


def _restored(entry: Entry, stored: Any) -> Any:  # noqa: ANN401 - JSON in, the field's type out
    if stored is None and entry.is_optional:
        return None
    if entry.is_list:
        if not isinstance(stored, list):
            raise SpecError(f"{entry.noun} must be a list; got {stored!r}")
        return tuple(_restored_one(entry, one) for one in stored)
    return _restored_one(entry, stored)


def _restored_one(entry: Entry, stored: Any) -> Any:  # noqa: ANN401
    wanted: dict[Any, Any] = {bool: bool, int: int, float: (int, float)}
    fits = isinstance(stored, wanted.get(entry.kind, str))
    if not fits or (isinstance(stored, bool) and entry.kind is not bool):
        raise SpecError(f"{entry.noun} must be of type {_name(entry.kind)}; got {stored!r}")
    if entry.kind in (bool, int):
        return stored
    return float(stored) if entry.kind is float else _known(entry, stored)


def _known(entry: Entry, stored: str) -> Any:  # noqa: ANN401
    if hasattr(entry.kind, "of"):
        return entry.kind.of(stored)
    try:
        return entry.kind(stored)
    except ValueError as error:
        known = ", ".join(entry.choices)
        raise SpecError(f"{entry.noun} must be one of {known}; got {stored!r}") from error


def _name(kind: Any) -> str:  # noqa: ANN401
    return {int: "integer", float: "number", bool: "true or false"}.get(kind, "text")


# -- what differs ---------------------------------------------------------------------------


def differences(first: Any, second: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the labels of the options in which two specs of one class differ."""
    found: list[str] = []
    for entry in entries(type(first)):
        ours, theirs = getattr(first, entry.name), getattr(second, entry.name)
        if entry.part is not None:
            found += differences(ours, theirs)
        elif entry.option is not None and ours != theirs:
            found.append(entry.option.label)
    return tuple(dict.fromkeys(found))
