"""Sentences about a solved budget; without numbers where its audit failed."""

from __future__ import annotations

from kvsplice_core.quality.results import Estimate
from kvsplice_core.quality.solve_results import SolveResult
from kvsplice_core.quality.solve_spec import SolveSpec
from kvsplice_gui import formats
from kvsplice_gui.quality.words import UNIT, audit_verdict, written
from kvsplice_gui.solving.state import Solved


def verdict(solved: Solved | None) -> str:
    """Return what the kept allotment costs, and how the solved one compares with equal bits."""
    if solved is None:
        return ""
    result = solved.result
    if not result.is_valid:
        return f"Solved for {asked(solved.key.spec)}: {audit_verdict(result.evaluation.audit)}."
    taken = ", ".join(f"{side.upper()} {bits_words(bits)}" for side, bits in result.bits.items())
    kl = written(result.evaluation.quality.kl)
    return f"{_cost(solved)}, KL {kl}, for {taken}. {_compared(result)}"


def summary(solved: Solved) -> str:
    """Return the verdict in one line."""
    against = solved.result.against
    if not solved.result.is_valid or against is None:
        return verdict(solved)
    return f"{_cost(solved)}, a {against.verdict.value} against the same for all"


def _cost(solved: Solved) -> str:
    evaluation = solved.result.evaluation
    documents = f"{len(evaluation.documents)} document{'s' * (len(evaluation.documents) != 1)}"
    cost = f"ΔNLL {_signed(evaluation.quality.delta_nll)} {UNIT} on {documents}"
    return f"Solved for {asked(solved.key.spec)}: {cost}"


def asked(spec: SolveSpec) -> str:
    """Return what was asked for: a budget, one of each side, or the largest ΔNLL."""
    if spec.max_dnll is not None:
        return f"ΔNLL ≤ {formats.with_unit(f'{spec.max_dnll:g}', UNIT)}"
    bits = bits_words(spec.bits or 0.0)
    return bits if spec.key_bits is None else f"V {bits} and K {bits_words(spec.key_bits)}"


def bits_words(bits: float) -> str:
    """Return a number of bits per value with its unit."""
    return formats.with_unit(formats.three_digits(bits), "bits")


def _compared(result: SolveResult) -> str:
    against = result.against
    if against is None:
        return "Not every head can be given so few bits alike, so nothing compares."
    change = (
        f"By sensitivity minus the same for all: ΔNLL {_signed(against.delta_nll)}, "
        f"KL {_signed(against.kl)}, a {against.verdict.value}"
    )
    if result.kept_even:
        return f"{change}; the same for all is kept."
    if against.is_gain:
        return f"{change}."
    return f"{change}; only the solved one is within the loss, so it is kept."


def _signed(found: Estimate) -> str:
    return f"{'+' if found.value > 0 else ''}{written(found)}"
