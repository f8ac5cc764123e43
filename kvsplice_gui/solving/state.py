"""What is asked of a solver and what it found: frozen values, free of Qt and of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvsplice_core.quality.solve_results import SolveResult
from kvsplice_core.quality.solve_spec import SolveSpec

if TYPE_CHECKING:
    from kvsplice_core.card import Card


@dataclass(frozen=True)
class SolveKey:
    """What a budget is solved for.

    Parameters
    ----------
    capture : str
        File of the vectors.
    model : str
        ``gpt2-mini``, a folder or a hub id.
    texts : tuple of str
        Held-out text files; empty for the bundled model's own books.
    spec : SolveSpec
    """

    capture: str
    model: str
    texts: tuple[str, ...]
    spec: SolveSpec


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved budget, its card, and how it was asked for.

    `leaked` names the documents it was checked on that the capture had read.
    """

    result: SolveResult
    card: Card
    key: SolveKey
    leaked: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """The budget, bits per value."""
        return self.key.spec.bits or 0.0
