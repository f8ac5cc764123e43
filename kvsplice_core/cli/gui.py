"""``kvsplice gui``: open the window."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kvsplice_core.cli.options import new_command

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "gui", "Open the window", _run)
    parser.add_argument("files", metavar="FILE", nargs="*", help="samples or files to open")


def _run(arguments: argparse.Namespace) -> int:
    # By name and only now: the core never imports the window.
    status: int = import_module("kvsplice_gui.app").main(arguments.files)
    return status
