"""``kvsplice info``: the tensors of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import print_table
from kvsplice_core.cli.options import new_command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.values.tensors import TensorInfo


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "info", "Show the tensors of a file and how they are read", _run)
    parser.add_argument("data", metavar="DATA", help="a sample's name or a file")


def _run(arguments: argparse.Namespace) -> int:
    from kvsplice_core.values.values import describe

    columns = ("tensor", "kind", "shape", "dtype", "axes", "layers", "heads")
    print_table(columns, (_cells(tensor) for tensor in describe(arguments.data)))
    return 0


def _cells(tensor: TensorInfo) -> Sequence[str]:
    return (
        tensor.name,
        tensor.kind.upper() or "–",
        " × ".join(str(size) for size in tensor.shape),
        tensor.dtype,
        str(tensor.axes),
        _span(tensor.layers),
        str(tensor.heads or "–"),
    )


def _span(layers: Sequence[int]) -> str:
    if not layers:
        return "–"
    return str(layers[0]) if len(layers) == 1 else f"{layers[0]} … {layers[-1]}"
