"""The command line and the Python that repeat a task, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import MISSING
from enum import Enum
from typing import Any

from kvsplice_core.base.options import Entry, Part, entries, text_of
from kvsplice_core.tasks.task import Task


def argv(task: Task) -> list[str]:
    """Return the words that ask for a task; what is usual is left out.

    ``kvsplice`` reads them back as an equal task.
    """
    positional: list[str] = []
    words = list(_words(task, positional))
    return ["kvsplice", task.command, *positional, *words, *task.writes]


def as_command(task: Task, *more: str) -> str:
    """Return the command line of a task, quoted for a shell; `more` words follow."""
    return shlex.join([*argv(task), *more])


def as_python(task: Task) -> str:
    """Return a Python script that does a task through the public interface."""
    names = {"run", *task.shown_by}
    call = _call(task, names, "")
    lines = "".join(f"    {name},\n" for name in sorted(names))
    return f"""from kvsplice_core import (
{lines})

task = {call}
result = run(task)
{task.shows}
"""


def argument(source: str) -> str:
    """Return a path that cannot be read as an option."""
    return f"./{source}" if source.startswith("-") else source


def _words(
    spec: Any,  # noqa: ANN401 - a dataclass of options
    positional: list[str],
    part: Part | None = None,
    usual: Any = None,  # noqa: ANN401
) -> Iterator[str]:
    """Yield the options of a spec that differ from what is usual; collect what has no flag."""
    for entry in entries(type(spec)):
        if part is not None and entry.name in part.without:
            continue
        value = getattr(spec, entry.name)
        default = entry.default if usual is None else getattr(usual, entry.name)
        if entry.part is not None:
            known = None if default is MISSING else default
            yield from _words(value, positional, entry.part, known)
        elif entry.is_positional:
            positional.append(argument(text_of(value)))
        elif entry.option is not None and (value != default or entry.option.is_always_written):
            yield from _option_words(entry, value)


def _option_words(entry: Entry, value: Any) -> Iterator[str]:  # noqa: ANN401
    if value is None or (entry.kind is bool and not value):
        return
    if entry.kind is bool:
        yield entry.flag
    elif entry.option is not None and entry.option.words:
        yield from (entry.flag, *map(argument, value))
    elif text_of(value).startswith("-"):
        yield f"{entry.flag}={text_of(value)}"  # apart, it would be read as an option
    else:
        yield from (entry.flag, text_of(value))


def _call(spec: Any, names: set[str], indent: str) -> str:  # noqa: ANN401 - a dataclass of options
    """Return the Python that makes a spec, its unusual fields a line each; collect its names."""
    names.add(type(spec).__name__)
    inner = f"{indent}    "
    fields = [
        (entry, getattr(spec, entry.name))
        for entry in entries(type(spec))
        if getattr(spec, entry.name) != entry.default
    ]
    lines = "".join(
        f"{inner}{entry.name}="
        f"{_call(value, names, inner) if entry.part is not None else _source(value, names)},\n"
        for entry, value in fields
    )
    return f"{type(spec).__name__}(\n{lines}{indent})" if lines else f"{type(spec).__name__}()"


def _source(value: Any, names: set[str]) -> str:  # noqa: ANN401
    if isinstance(value, tuple):
        listed = ", ".join(_source(one, names) for one in value)
        return f"({listed},)" if len(value) == 1 else f"({listed})"
    if hasattr(value, "key") and hasattr(type(value), "of"):
        names.add(type(value).__name__)
        return f"{type(value).__name__}.of({value.key!r})"
    if isinstance(value, Enum):
        names.add(type(value).__name__)
        return f"{type(value).__name__}.{value.name}"
    return repr(value)
