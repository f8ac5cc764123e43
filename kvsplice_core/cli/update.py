"""``kvsplice update``: go on with a codec on new vectors, and say how far they have drifted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kvsplice_core.base.formats import three_digits
from kvsplice_core.cli.console import follow, prepare, print_table, say
from kvsplice_core.cli.options import task_command, task_of
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.tasks.update import UpdateTask, effect

if TYPE_CHECKING:
    from kvsplice_core.base.estimates import Judgement
    from kvsplice_core.cli.options import Commands
    from kvsplice_core.tasks.update import Adapted


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = task_command(commands, UpdateTask, "Update a codec with new vectors", _run)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _run(arguments: argparse.Namespace) -> int:
    task: UpdateTask = task_of(arguments)
    out = check_file("--out", arguments.out, ".safetensors")
    prepare(task.spec.threads)
    found: Adapted = follow(task.work())
    from kvsplice_core.codec.codec_file import save_codec

    save_codec(found.codec, out, found.history)
    _tell(found)
    say(f"saved {out}")
    return 0


def _tell(found: Adapted) -> None:
    columns = ("held-out vectors", "MSE before", "MSE after", "change")
    rows = (_cells("new", found.new), _cells("old", found.old))
    print_table(columns, rows, "MSE before|MSE after")
    say(found.text)
    say(f"kept {found.kept}")


def _cells(name: str, found: Judgement) -> tuple[str, ...]:
    return name, three_digits(found.theirs), three_digits(found.ours), effect(found)
