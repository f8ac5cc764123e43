"""The grammar of the command line; imports nothing heavy."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli import (
    capture,
    compare,
    diagnose,
    fit,
    frontier,
    gui,
    info,
    memory,
    plots,
    quality,
    samples,
    solve,
    sweep,
    update,
)
from kvsplice_core.cli import eval as evaluate
from kvsplice_core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.task import Task

_COMMANDS = (
    samples,
    info,
    diagnose,
    capture,
    compare,
    sweep,
    fit,
    update,
    evaluate,
    quality,
    frontier,
    solve,
    memory,
    plots,
    gui,
)
"""Modules of one command each, in the order of the help; each has ``add_to(commands)``."""


class Parser(argparse.ArgumentParser):
    """A parser whose usage errors are one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise SpecError(f"{message} (see {self.prog} --help)")


def build_parser() -> Parser:
    """Return the parser of ``kvsplice``; its namespace holds the command as ``run``."""
    parser = Parser(
        prog="kvsplice",
        description="Compress transformer KV caches: Spline→PCA and Flow→PCA against PCA.",
        epilog="kvsplice COMMAND --help tells more about a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kvsplice {__version__}")
    commands: Commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


def parse(words: Sequence[str]) -> Task:
    """Return the task that the words behind ``kvsplice`` ask for.

    Raises
    ------
    SpecError
        If they are no command, or ask for what cannot be.
    """
    arguments = build_parser().parse_args(words)
    task: Task = arguments.task_of(arguments)
    return task
