"""The scores of a card as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import change_text, print_table, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsplice_core.card import HeadScore


def print_scores(scores: Sequence[HeadScore]) -> None:
    """Print how every codec did on the test documents of its capture."""
    columns: tuple[str, ...] = (
        "side", "layer", "head", "k", "test MSE", "change against PCA, 95 % interval", "kept"
    )  # fmt: skip
    if any(score.bits is not None for score in scores):
        columns = ("side", "layer", "head", "k", "test MSE", "bits per value", "kept")
    numbers = "layer|head|k|test MSE|bits per value"
    print_table(columns, map(score_cells, scores), numbers=numbers)


def score_cells(score: HeadScore) -> tuple[str, ...]:
    """Return one score as cells."""
    place = (score.side.upper(), str(score.layer), "all" if score.head is None else str(score.head))
    measured = (str(score.k), significant(score.mse))
    if score.bits is not None:
        return (*place, *measured, significant(score.bits), score.kept)
    change = "" if score.change is None else change_text(score.change)
    return (*place, *measured, change, score.kept)
