"""``kvsplice plots``: the figures of recorded sweeps, from their CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import say
from kvsplice_core.cli.options import new_command
from kvsplice_core.cli.outputs import add_format_options, check_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.report.sweep_table import MseTable


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(commands, "plots", "Draw the figures of recorded sweeps", _run)
    parser.add_argument("tables", metavar="CSV", nargs="+", help="written by kvsplice sweep --csv")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="folder to draw into (default: %(default)s)"
    )
    add_format_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from kvsplice_core.report.sweep_table import read_csv

    folder = check_folder("--out", arguments.out)
    figures = _draw([read_csv(path) for path in arguments.tables])
    from kvsplice_core.report.figures.saving import save_figure

    for name, figure in figures.items():
        for suffix in arguments.formats:
            path = folder / f"{name}.{suffix}"
            save_figure(figure, path, dpi=arguments.dpi)
            say(str(path))
    return 0


def _draw(tables: Sequence[MseTable]) -> dict[str, Figure]:
    """Draw every figure before any is written: a table that cannot be drawn leaves no file."""
    from kvsplice_core.report import figures

    return {
        "compression_comparison": figures.compression_comparison(tables),
        "improvement_delta": figures.improvement_delta(tables),
        "memory_reduction": figures.memory_reduction(),
        "architecture_diagram": figures.architecture_diagram(),
    }
