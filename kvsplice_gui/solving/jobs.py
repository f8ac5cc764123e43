"""Solving for a budget, as generators over the core; torch is imported when they run."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsplice_gui.jobs import Note
from kvsplice_gui.quality.jobs import open_model
from kvsplice_gui.solving.state import Solved, SolveKey

if TYPE_CHECKING:
    from kvsplice_core.language.texts import Document


def solve_job(key: SolveKey) -> Generator[Any, None, Solved]:
    """Share a budget among the heads of the model a capture was made from, and check it."""
    language, documents = yield from open_model(key.model, key.texts, key.spec.calibration.device)
    from kvsplice_core.capture.file import open_capture
    from kvsplice_core.quality.leakage import leaks_of_capture
    from kvsplice_core.quality.solving import solve

    yield Note(f"Reading {Path(key.capture).name}…")
    opened = open_capture(key.capture)
    probes = probes_of(key.model)
    solution = yield from solve(language, opened, documents, key.spec, probes)
    leaked = leaks_of_capture(opened.facts, documents)
    return Solved(solution.result, solution.card, key, leaked)


def probes_of(model: str) -> tuple[Document, ...]:
    """Return the text sensitivities are measured on; none where only that which checks is here."""
    from kvsplice_core.language.bundled import BUNDLED
    from kvsplice_core.language.texts import BundledText, documents_for

    return documents_for(model, (), BundledText.CALIBRATION) if model == BUNDLED else ()


def save_solved_job(solved: Solved, path: Path) -> Generator[Note, None, Path]:
    """Save the solved card; its evaluation goes with it."""
    yield Note("Saving the card…")
    from kvsplice_core.card_file import save_card

    save_card(solved.card, path)
    return path
