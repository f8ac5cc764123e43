"""Figures as files: the same data gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.files import atomic_path
from kvsplice_core.tasks.training import MOST_DPI

# A date in the file would make two equal figures differ.
_NO_DATE = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_SETTINGS = {"svg.hashsalt": "kvsplice", "svg.fonttype": "path", "pdf.fonttype": 42}


def save_figure(figure: Figure, path: str | Path, dpi: int = 200) -> None:
    """Write `figure` as its suffix says, whole or not at all.

    Parameters
    ----------
    figure : Figure
        What to write.
    path : str or Path
        Ends in ``.png``, ``.svg`` or ``.pdf``.
    dpi : int
        Dots per inch of PNG; ≥ 1.

    Raises
    ------
    SpecError
        If the suffix is another one, or `dpi` is not in 1 … `MOST_DPI`.
    KVSpliceError
        If the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _NO_DATE:
        raise SpecError(f"a figure must end in {', '.join(_NO_DATE)}; got {str(path)!r}")
    if dpi < 1:
        raise SpecError(f"dpi must be at least 1; got {dpi}")
    if dpi > MOST_DPI:
        raise SpecError(f"dpi must be at most {MOST_DPI}; got {dpi}")
    with atomic_path(path) as temporary, mpl.rc_context(_SETTINGS):
        figure.savefig(
            temporary,
            format=suffix[1:],
            dpi=dpi,
            facecolor=figure.get_facecolor(),
            metadata=_NO_DATE[suffix],
        )
