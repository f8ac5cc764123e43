"""Checks of the places to write to, made before the long work starts."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli.console import remark
from kvsplice_core.cli.options import positive_int
from kvsplice_core.tasks.training import MOST_DPI

if TYPE_CHECKING:
    from pathlib import Path

    from kvsplice_core.data.model_shape import ModelShape
    from kvsplice_core.data.vectors import Values
    from kvsplice_core.tasks.sweep import SweepResult


def check_file(option: str, text: str, suffix: str) -> Path:
    """Return the file `option` names.

    Raises
    ------
    SpecError
        If it does not end in `suffix`, is a folder, or its folder cannot be written or made.
    """
    path = Path(text)
    if path.suffix.lower() != suffix:
        raise SpecError(f"{option} must name a file ending in {suffix}; got {text!r}")
    if path.is_dir():
        raise SpecError(f"{option} must name a file; {text!r} is a folder")
    _require_writable(option, path.parent)
    return path


def check_folder(option: str, text: str) -> Path:
    """Return the folder `option` names; it is made when first written.

    Raises
    ------
    SpecError
        If it is a file, or cannot be written or made.
    """
    _require_writable(option, Path(text))
    return Path(text)


def _require_writable(option: str, folder: Path) -> None:
    present = folder.absolute()
    while not present.exists():
        present = present.parent
    if not present.is_dir():
        raise SpecError(f"{option} must lie in a folder; {str(present)!r} is a file")
    if not os.access(present, os.W_OK | os.X_OK):
        raise SpecError(f"{option} must lie where one may write; {str(present)!r} is read-only")


FIGURE_FORMATS = ("png", "svg", "pdf")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name files and folders to write."""
    group = parser.add_argument_group("results")
    group.add_argument("--csv", metavar="FILE", help="write the table")
    group.add_argument("--json", metavar="FILE", help="write the table with every setting")
    group.add_argument("--figures", metavar="DIR", help="draw the figures into this folder")
    add_format_options(group)
    group.add_argument(
        "--model",
        default="gpt2",
        metavar="MODEL",
        help="preset or config.json whose cache the memory figure weighs (default: gpt2)",
    )


def add_format_options(parser: argparse._ActionsContainer) -> None:
    """Add the options that say how figures are written."""
    parser.add_argument(
        "--formats",
        type=parse_formats,
        default=FIGURE_FORMATS[:1],
        metavar="LIST",
        help=f"of {','.join(FIGURE_FORMATS)} (default: png)",
    )
    parser.add_argument(
        "--dpi", type=parse_dpi, default=200, metavar="N", help="of PNG (default: %(default)s)"
    )


def parse_dpi(text: str) -> int:
    """Read dots per inch."""
    dpi = positive_int(text)
    if dpi > MOST_DPI:
        raise argparse.ArgumentTypeError(f"dpi must be at most {MOST_DPI}; got {dpi}")
    return dpi


def parse_formats(text: str) -> tuple[str, ...]:
    """Read a list such as ``png,svg``."""
    formats = tuple(part.strip().lower() for part in text.split(","))
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise argparse.ArgumentTypeError(
                f"a format must be one of {', '.join(FIGURE_FORMATS)}; got {name!r}"
            )
    return formats


@dataclass(frozen=True)
class Targets:
    """The files and folders the options name, each checked to be writable.

    Parameters
    ----------
    csv, json : Path or None
        Files for the table.
    figures : Path or None
        Folder for the figures.
    formats : tuple of str
        One file for each figure and format.
    dpi : int
        Dots per inch of PNG.
    model : ModelShape
        Whose cache the memory figure weighs.
    """

    csv: Path | None
    json: Path | None
    figures: Path | None
    formats: tuple[str, ...]
    dpi: int
    model: ModelShape

    def write_tables(self, result: SweepResult) -> None:
        """Write the CSV and JSON files that were asked for."""
        from kvsplice_core.report.sweep_table import write_csv, write_json

        for path, write in ((self.csv, write_csv), (self.json, write_json)):
            if path is not None:
                write(path, result)
                remark(f"wrote {path}")

    def write_figures(self, result: SweepResult, values: Values) -> None:
        """Draw the figures that were asked for, and say where."""
        if self.figures is None:
            return
        from kvsplice_core.report.figures.saving import save_figure
        from kvsplice_core.report.figures.sweep import figures_of

        for name, figure in figures_of(result, self.model, values.rows.numpy()):
            for suffix in self.formats:
                save_figure(figure, self.figures / f"{name}.{suffix}", dpi=self.dpi)
        remark(f"drew the figures into {self.figures}")


def check_targets(arguments: argparse.Namespace) -> Targets:
    """Return where the options want the results.

    Raises
    ------
    SpecError
        If a file or folder cannot be written.
    ModelShapeError
        If the model is not known.
    """
    from kvsplice_core.data.model_shape import load_model_shape

    csv, json, figures = arguments.csv, arguments.json, arguments.figures
    return Targets(
        csv=None if csv is None else check_file("--csv", csv, ".csv"),
        json=None if json is None else check_file("--json", json, ".json"),
        figures=None if figures is None else check_folder("--figures", figures),
        formats=arguments.formats,
        dpi=arguments.dpi,
        model=load_model_shape(arguments.model),
    )
