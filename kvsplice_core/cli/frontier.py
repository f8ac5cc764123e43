"""``kvsplice frontier``: whole pipelines at equal bytes, on vectors or through a model's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.compare import add_comparison
from kvsplice_core.tasks.frontier import FrontierTask

if TYPE_CHECKING:
    from kvsplice_core.cli.options import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    help_text = "Compare whole pipelines at equal bits per value, with the Gaussian bound"
    add_comparison(commands, FrontierTask, help_text)
