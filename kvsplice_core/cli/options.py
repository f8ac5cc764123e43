"""The command line of a task, made of the options its fields declare."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, replace
from typing import TYPE_CHECKING, Any, TypeVar

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.options import Entry, Part, entries, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsplice_core.tasks.task import Task

    Commands = argparse._SubParsersAction[Any]

Spec = TypeVar("Spec")


def new_command(
    commands: Commands, name: str, help_text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add the command `name`; `run` gets its namespace and returns the exit status."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"{help_text}.", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    return parser


def task_command(
    commands: Commands,
    task: type[Task],
    help_text: str,
    run: Callable[[argparse.Namespace], int],
    **metavars: str,
) -> argparse.ArgumentParser:
    """Add the command of a task with all its options; `metavars` rename positional arguments."""
    parser = new_command(commands, task.command, help_text, run)
    parser.set_defaults(task=task, task_of=task_of)
    add_options(parser, task, metavars=metavars)
    return parser


def add_options(
    parser: argparse.ArgumentParser,
    spec: Any,  # noqa: ANN401 - a dataclass of options
    *,
    part: Part | None = None,
    path: str = "",
    usual: object = None,
    metavars: dict[str, str] | None = None,
) -> None:
    """Add the options of a spec and of the specs inside it, each under the heading of its part.

    Parameters
    ----------
    parser : ArgumentParser
    spec : type
    part : Part, optional
        Where the spec is inside another: its heading, and what is left out.
    path : str
        Names of the fields that lead to it, joined by dots.
    usual : object, optional
        The spec whose values are the defaults.
    metavars : dict, optional
        Other words for positional arguments, by field.
    """
    owner: argparse._ActionsContainer = parser
    if part is not None and part.title:
        owner = parser.add_argument_group(part.title)
    for entry in entries(spec):
        if part is not None and entry.name in part.without:
            continue
        default = entry.default if usual is None else getattr(usual, entry.name)
        if entry.part is None:
            _add_option(owner, entry, f"{path}{entry.name}", default, metavars or {})
        else:
            inner, deeper = entry.part, f"{path}{entry.name}."
            known = None if default is MISSING else default
            add_options(parser, entry.kind, part=inner, path=deeper, usual=known, metavars=metavars)


def _add_option(
    owner: argparse._ActionsContainer,
    entry: Entry,
    dest: str,
    default: object,
    metavars: dict[str, str],
) -> None:
    asked = entry.option
    if asked is None:
        return
    told: dict[str, Any] = {
        "help": (asked.help + _default_words(entry, default)).replace("%", "%%")
    }
    if entry.is_positional:
        owner.add_argument(dest, metavar=metavars.get(entry.name, entry.flag), **told)
        return
    if entry.kind is bool:
        owner.add_argument(
            entry.flag, dest=dest, action="store_true", default=argparse.SUPPRESS, **told
        )
        return
    more: dict[str, Any] = {"nargs": "+"} if asked.words else {}
    if entry.choices and not entry.is_list:
        more["choices"] = entry.choices
    else:
        more |= {"type": _reader(entry), "metavar": asked.metavar or _metavar(entry)}
    required = default is MISSING
    owner.add_argument(
        entry.flag, dest=dest, required=required, default=argparse.SUPPRESS, **told, **more
    )


def _default_words(entry: Entry, default: object) -> str:
    if default is MISSING or isinstance(default, bool):
        return ""
    if default is None or default == ():
        return f" (default: {entry.option.unset})" if entry.option and entry.option.unset else ""
    return f" (default: {text_of(default)})"


def _metavar(entry: Entry) -> str:
    if entry.is_list:
        return "LIST"
    return {int: "N", float: "X"}.get(entry.kind, entry.name.upper())


def _reader(entry: Entry) -> Callable[[str], Any]:
    words = entry.option is not None and entry.option.words

    def read(text: str) -> Any:  # noqa: ANN401 - of the field's type
        try:
            return text if words else entry.read(text)
        except SpecError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def task_of(arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - of the command's task
    """Return the task that the arguments of its command ask for.

    Raises
    ------
    SpecError
        If a number lies outside its range, or what is asked for does not go together.
    """
    return read_options(vars(arguments), arguments.task)


def read_options(
    given: dict[str, Any], spec: type[Spec], path: str = "", usual: Spec | None = None
) -> Spec:
    """Return the spec that the given options ask for; the rest as in `usual`."""
    found: dict[str, Any] = {}
    for entry in entries(spec):
        name = f"{path}{entry.name}"
        if entry.part is not None:
            default = entry.default if usual is None else getattr(usual, entry.name)
            known = None if default is MISSING else default
            found[entry.name] = read_options(given, entry.kind, f"{name}.", known)
        elif name in given:
            found[entry.name] = _value(entry, given[name])
    return spec(**found) if usual is None else replace(usual, **found)  # type: ignore[type-var]


def _value(entry: Entry, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(value)
    is_word = isinstance(value, str) and entry.kind is not str
    return entry.read(value) if is_word else value


def is_given(arguments: argparse.Namespace, name: str) -> bool:
    """Say whether the option of a field, by its path, stands on the command line."""
    return name in vars(arguments)


def positive_int(text: str) -> int:
    """Read an integer of at least 1."""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"it must be an integer of at least 1; got {text!r}")
    return int(text)
