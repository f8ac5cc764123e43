"""What is asked of a solver and what it found: frozen values, free of Qt and of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvsplice_core.capture.specs import CaptureFacts, Sides
from kvsplice_core.errors import SpecError
from kvsplice_core.quality.solve_results import SolveResult
from kvsplice_core.quality.solve_spec import SolveSpec

if TYPE_CHECKING:
    from kvsplice_core.card import Card


@dataclass(frozen=True)
class SolveWish:
    """What is to be solved for; the budget of V is that of the slider.

    Parameters
    ----------
    by_loss : bool
        Whether the fewest bits within a loss are looked for, rather than a budget shared.
    max_dnll : float
        That loss: the largest ΔNLL, the upper end of its 95 % interval, nats per token.
    side : str
        ``v``, ``k`` or ``both``: what is compressed, where the capture holds it.
    key_bits : float or None
        Bits per value of K alone, where both sides are compressed; None shares those of V.
    """

    by_loss: bool = False
    max_dnll: float = 0.05
    side: str = "v"
    key_bits: float | None = None

    def sides_of(self, facts: CaptureFacts) -> Sides:
        """Return the wished side where the capture holds it, else what it holds."""
        held = facts.sides
        return Sides(self.side) if held.value in (self.side, "both") else held

    def spec(self, bits: float, facts: CaptureFacts) -> SolveSpec:
        """Return what is solved for with `bits` per value on the slider; its bounds and sides."""
        sides = self.sides_of(facts)
        if self.by_loss:
            return SolveSpec(max_dnll=self.max_dnll, sides=sides)
        return SolveSpec(
            bits=bits, key_bits=self.key_bits if sides is Sides.BOTH else None, sides=sides
        )

    def require_valid(self) -> None:
        """Refuse what cannot be solved for.

        Raises
        ------
        SpecError
            If a budget, a loss or a side is none.
        """
        SolveSpec(max_dnll=self.max_dnll)
        SolveSpec(bits=1.0, key_bits=self.key_bits, sides=Sides.BOTH)
        if self.side not in {side.value for side in Sides}:
            raise SpecError(f"the side must be v, k or both; got {self.side!r}")


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
        """The budget of the slider, bits per value: what was asked for, or found for a loss."""
        return self.result.solved.budgets[0]
