"""Sentences about a solved budget; without numbers where its audit failed."""

from __future__ import annotations

from kvsplice_core.quality.results import Estimate
from kvsplice_core.quality.solve_results import SolveResult
from kvsplice_gui import formats
from kvsplice_gui.quality.words import UNIT, audit_verdict, written
from kvsplice_gui.solving.state import Solved


def verdict(solved: Solved | None) -> str:
    """Return what the kept allotment costs, and how it compares with the same bits for all."""
    if solved is None:
        return ""
    result = solved.result
    if not result.is_valid:
        return f"Solved for {_bits(solved.bits)}: {audit_verdict(result.evaluation.audit)}."
    quality = result.evaluation.quality
    taken = ", ".join(f"{side.upper()} {_bits(bits)}" for side, bits in result.bits.items())
    cost = f"ΔNLL {_signed(quality.delta_nll)} {UNIT}, KL {written(quality.kl)}"
    return f"Solved for {_bits(solved.bits)} ({taken}): {cost}. {_compared(result)}"


def _compared(result: SolveResult) -> str:
    against = result.against
    if against is None:
        return "Not every head can be given so few bits alike, so nothing compares."
    change = (
        f"By sensitivity minus the same for all: ΔNLL {_signed(against.delta_nll)}, "
        f"KL {_signed(against.kl)}, a {against.verdict.value}"
    )
    return f"{change}; the same for all is kept." if result.kept_even else f"{change}."


def _signed(found: Estimate) -> str:
    return f"{'+' if found.value > 0 else ''}{written(found)}"


def _bits(bits: float) -> str:
    return formats.with_unit(formats.three_digits(bits), "bits")
