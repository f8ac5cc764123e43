"""Sentences about a solved budget; without numbers where its audit failed."""

from __future__ import annotations

from kvsplice_core.quality.results import Estimate, Quality
from kvsplice_core.quality.solve_results import SolveResult
from kvsplice_core.quality.solve_spec import SolveSpec
from kvsplice_core.quality.solve_wording import solve_verdict
from kvsplice_gui import formats
from kvsplice_gui.quality.words import UNIT, audit_verdict, sentences, written
from kvsplice_gui.solving.state import Solved


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
