"""What a solved budget says in words, on the command line and in the window; free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kvsplice_core.tasks.compared import SOUND_DOCUMENTS

if TYPE_CHECKING:
    from kvsplice_core.base.estimates import Estimate
    from kvsplice_core.tasks.solve import Choice, SolveResult

_NOTHING_COMPARES = (
    "not every codec can be given so few bits alike, so nothing compares with the solved allotment"
)


def solve_caveats(result: SolveResult) -> tuple[str, ...]:
    """Return what to say beside the numbers of a solved budget, a clause each."""
    said = list(result.evaluation.caveats)
    if result.choice is not None and not result.choice.is_apart:
        said.append("the allotment was chosen on the text it is reported on, which flatters it")
    if result.probed_on_checked:
        said.append(
            "sensitivities were measured on the text that checks, which flatters the allotment"
        )
    if result.spec.max_dnll is not None:
        said.append("the bits were chosen on the text that checks, which flatters their ΔNLL")
    return tuple(dict.fromkeys(said))


def solve_verdict(result: SolveResult, write: Callable[[Estimate], str]) -> tuple[str, ...]:
    """Return how the solved allotment compares with the same for all, and which was kept.

    One clause; two where the documents that chose are not those that are reported on.

    Parameters
    ----------
    result : SolveResult
    write : callable
        Writes a difference with its interval.
    """
    choice = result.choice
    if choice is None:
        return (_NOTHING_COMPARES,)
    difference = "by sensitivity minus the same for all"
    kept = _kept(result, choice)
    if not choice.is_apart:
        return (f"{difference}: {choice.reported.words(write)}; {kept}",)
    chose, rest = len(choice.chosen_on), len(choice.reported_on)
    others = "that did not choose" if result.apart is None else "that had no part in the choice"
    return (
        f"chosen on {chose} documents, {difference}: {choice.chosen.words(write)}{_few(chose)}; "
        f"{kept}",
        f"on the {rest} documents {others}, {difference}: "
        f"{choice.reported.words(write)}{_few(rest)}",
    )


def _few(documents: int) -> str:
    if documents >= SOUND_DOCUMENTS:
        return ""
    return f"; intervals over fewer than {SOUND_DOCUMENTS} documents are too narrow"


def _kept(result: SolveResult, choice: Choice) -> str:
    if result.kept_even:
        return "the same for all is kept"
    only = "" if choice.chosen.is_gain else ", for only that holds the bound"
    return f"by sensitivity is kept{only}"
