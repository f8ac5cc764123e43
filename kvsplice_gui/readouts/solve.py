"""What the window says of a solved budget: pure functions from wishes and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kvsplice_core.base import formats
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Estimate
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.report.solve_words import solve_caveats, solve_verdict
from kvsplice_core.tasks.evaluate import Quality
from kvsplice_core.tasks.solve import DEFAULT_PIPELINE, Share, SolveResult, SolveSpec
from kvsplice_gui.readouts import frontier as frontier_readouts
from kvsplice_gui.readouts.quality_words import UNIT, audit_verdict, leak_notice, sentences, written
from kvsplice_gui.state import kinds
from kvsplice_gui.state.findings import Findings, Solved, SolveKey
from kvsplice_gui.state.wishes import Wishes

Floats = NDArray[np.float64]
READY = "Share the budget of the slider among all heads, and check it through the cache"
READY_BY_LOSS = (
    "Find the fewest bits whose ΔNLL, the upper end of its 95 % interval, is at most the largest "
    "one, and check them through the cache"
)
BY_BITS, BY_LOSS = "Solve for the budget", "Solve for the loss"
NEEDS_CAPTURE = (
    "A budget is solved for through the model a capture was made from: capture V from gpt2-mini "
    "(Ctrl+N), or open a capture"
)
_SAME_BITS = 1e-9


@dataclass(frozen=True, eq=False)
class GivenView:
    """What the map of given bits shows.

    Parameters
    ----------
    title : str
    side : str
        ``v`` or ``k``; empty without a map.
    cells : ndarray, shape (layers, heads), or None
        Bits per value.
    has_both : bool
        Whether there is a map of the other side too.
    notes : mapping of (layer, head) to str
        What is said besides of each head.
    notice : str
        What must be said over the map.
    is_error : bool
        Whether that is an error; then there is no map.
    heading : str
        What was solved.
    is_current : bool
        Whether that is what is chosen now.
    """

    title: str = "Given bits per value"
    side: str = ""
    cells: Floats | None = None
    has_both: bool = False
    notes: Mapping[tuple[int, int], str] = field(default_factory=dict)
    notice: str = ""
    is_error: bool = False
    heading: str = ""
    is_current: bool = True


def wished_pipeline(findings: Findings) -> Pipeline:
    """Return the pipeline to solve with: that of the chosen point, else the usual one."""
    point = findings.frontier.point
    return DEFAULT_PIPELINE if point is None else point.pipeline


def parse_number(text: str, name: str, example: float) -> float:
    """Read one number.

    Raises
    ------
    SpecError
        If `text` is something else; it names the number, and an example.
    """
    try:
        return float(text)
    except ValueError as error:
        raise SpecError(f"{name} must be a number such as {example:g}; got {text!r}") from error


def label(wishes: Wishes) -> str:
    """Return what the button that solves is called."""
    return BY_LOSS if wishes.solve.by_loss else BY_BITS


def ready(wishes: Wishes) -> str:
    """Return what solving does."""
    return READY_BY_LOSS if wishes.solve.by_loss else READY


def key_of(wishes: Wishes, findings: Findings) -> SolveKey | None:
    """Return what would be solved for now; None without a capture."""
    facts = frontier_readouts.facts_of(findings)
    if facts is None:
        return None
    quality = wishes.quality
    spec = replace(
        wishes.solve.spec(wishes.frontier.budget, facts),
        pipeline=wished_pipeline(findings),
        calibration=wishes.pipeline_calibration,
        # One seed for all, as kvsplice solve has it.
        evaluation=replace(quality.evaluation, seed=wishes.calibration.seed),
        budget=wishes.data.budget,
    )
    return SolveKey(wishes.data.source, quality.model_of(facts), quality.texts, spec)


def obstacle(findings: Findings) -> str:
    """Return why a budget cannot be solved for; empty where it can."""
    return NEEDS_CAPTURE if frontier_readouts.facts_of(findings) is None else ""


def changes(wishes: Wishes, findings: Findings) -> tuple[str, ...]:
    """Return what has changed since the budget was solved for, but for the budget itself."""
    solved, now = findings.solved, key_of(wishes, findings)
    if solved is None or now is None:
        return ()
    then, old, new = solved.key, solved.key.spec, now.spec
    pairs = {
        "capture": (now.capture, then.capture),
        "model": (now.model, then.model),
        "text": (now.texts, then.texts),
        "pipeline": (new.pipeline, old.pipeline),
        "side": (new.sides, old.sides),
        "budget of K": (new.key_bits, old.key_bits),
        "largest ΔNLL": (new.max_dnll, old.max_dnll),
        # Its seed is that of the calibration.
        "way to read the text": (replace(new.evaluation, seed=0), replace(old.evaluation, seed=0)),
        "number of vectors": (new.budget, old.budget),
    }
    learnt = kinds.otherwise(new.calibration, old.calibration)
    return (*learnt, *(name for name, (one, other) in pairs.items() if one != other))


def is_checked(wishes: Wishes, solved: Solved) -> bool:
    """Say whether the slider stands at the budget that was solved for."""
    return abs(wishes.frontier.budget - solved.bits) < _SAME_BITS


def given_view(wishes: Wishes, findings: Findings) -> GivenView:
    """Return what the map of given bits shows: the checked one, or at once another budget's."""
    solved = findings.solved
    if solved is None:
        return GivenView()
    result, changed = solved.result, changes(wishes, findings)
    if not result.is_valid:
        text = f"{audit_verdict(result.evaluation.audit)}. The allotment is not valid."
        return GivenView(notice=text, is_error=True)
    side = wishes.view.given_side if wishes.view.given_side in result.sides else result.sides[0]
    checked, own = is_checked(wishes, solved), side == "k" and solved.key.spec.key_bits
    bits = formats.three_digits(own or wishes.frontier.budget)
    aside = f" — other {', '.join(changed)} now: solve again" if changed else ""
    view = GivenView(
        side=side,
        has_both=len(result.sides) > 1,
        heading=f"{_asked(solved)}{aside}",
        is_current=not changed,
    )
    if checked:
        return replace(
            view,
            title=f"Given to {side.upper()} at {bits} bits, checked",
            cells=result.head_map(side),
            notes=notes_of(result.shares, side),
            notice=_caveats(solved),
        )
    title = f"Given to {side.upper()} at {bits} bits, not checked"
    try:
        cells = result.allotted(wishes.frontier.budget, solved.key.spec.key_bits)[side]
    except SpecError as error:
        sentence = str(error)
        return replace(view, title=title, notice=f"{sentence[:1].upper()}{sentence[1:]}.")
    return replace(
        view, title=title, cells=cells, notice=_unchecked(solved, wishes.frontier.budget)
    )


def _unchecked(solved: Solved, budget: float) -> str:
    if solved.key.spec.max_dnll is None:
        return f"Not checked: solve again for {bits_words(budget)}."
    return f"Not checked: {bits_words(solved.bits)} were found for the loss."


def notes_of(shares: tuple[Share, ...], side: str) -> dict[tuple[int, int], str]:
    """Return of every head its k, and the heads it is coded with."""
    own = (share for share in shares if share.side == side)
    return {(share.layer, head): _note(share) for share in own for head in share.heads}


def _note(share: Share) -> str:
    joined = f" for heads {', '.join(map(str, share.heads))}" if len(share.heads) > 1 else ""
    return f"k = {share.k}{joined}"


def _asked(solved: Solved) -> str:
    spec, documents = solved.key.spec, len(solved.result.evaluation.documents)
    plural = "" if documents == 1 else "s"
    return f"{spec.pipeline.label} · solved for {asked(spec)} on {documents} document{plural}"


def _caveats(solved: Solved) -> str:
    said = (leak_notice(solved.leaked), sentences(solve_caveats(solved.result)))
    return " ".join(filter(None, said))


def verdict(solved: Solved | None) -> str:
    """Return what the kept allotment costs, and how the solved one compares with equal bits."""
    if solved is None:
        return ""
    result = solved.result
    if not result.is_valid:
        return f"Solved for {asked(solved.key.spec)}: {audit_verdict(result.evaluation.audit)}."
    taken = ", ".join(f"{side.upper()} {bits_words(bits)}" for side, bits in result.bits.items())
    said = solve_verdict(result, _signed)
    if result.apart is not None and not result.kept_even:
        said = said[1:]  # what counts; how it was chosen stands in the exports
    return f"{_cost(solved)}, KL {written(_quality(result).kl)}, for {taken}. {sentences(said)}"


def summary(solved: Solved) -> str:
    """Return the verdict in one line."""
    choice = solved.result.choice
    if not solved.result.is_valid or choice is None:
        return verdict(solved)
    return f"{_cost(solved)}, {choice.reported.verdict_words} against the same for all"


def _cost(solved: Solved) -> str:
    result = solved.result
    apart = result.apart
    count = len(result.evaluation.documents if apart is None else apart.reported_on)
    documents = f"{count} document{'s' * (count != 1)}"
    cost = f"ΔNLL {_signed(_quality(result).delta_nll)} {UNIT} on {documents}"
    return f"Solved for {asked(solved.key.spec)}: {cost}"


def _quality(result: SolveResult) -> Quality:
    """Return what the kept allotment costs, on documents without a part in it where there are."""
    return result.evaluation.quality if result.apart is None else result.apart.quality


def asked(spec: SolveSpec) -> str:
    """Return what was asked for: a budget, one of each side, or the largest ΔNLL."""
    if spec.max_dnll is not None:
        return f"ΔNLL ≤ {formats.with_unit(f'{spec.max_dnll:g}', UNIT)}"
    bits = bits_words(spec.bits or 0.0)
    return bits if spec.key_bits is None else f"V {bits} and K {bits_words(spec.key_bits)}"


def bits_words(bits: float) -> str:
    """Return a number of bits per value with its unit."""
    return formats.with_unit(formats.three_digits(bits), "bits")


def _signed(found: Estimate) -> str:
    return f"{'+' if found.value > 0 else ''}{written(found)}"
