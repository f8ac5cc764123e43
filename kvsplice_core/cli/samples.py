"""``kvsplice samples``: the bundled vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import print_table
from kvsplice_core.cli.options import new_command

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    new_command(commands, "samples", "List the bundled samples", _run)


def _run(_: argparse.Namespace) -> int:
    from kvsplice_core.data.samples import SAMPLES

    print_table(("sample", "vectors"), SAMPLES.items())
    return 0
