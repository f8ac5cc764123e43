"""What ``kvsplice eval`` and ``kvsplice quality`` share: their options and how they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.cli.console import print_table, remark, signed, significant
from kvsplice_core.cli.options import positive_int
from kvsplice_core.tasks.evaluate import EvalSpec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kvsplice_core.base.estimates import Estimate
    from kvsplice_core.language.models import LanguageModel
    from kvsplice_core.language.texts import Document
    from kvsplice_core.tasks.evaluate import Control

FAILED_CONTROL = 3
_DEFAULTS = EvalSpec()


def add_evaluation_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which text is read, and how."""
    group = parser.add_argument_group("evaluation")
    group.add_argument(
        "--text",
        nargs="+",
        default=(),
        metavar="FILE",
        help="held-out text files, one document each, or folders of .txt files "
        "(default: the held-out books of gpt2-mini)",
    )
    group.add_argument(
        "--tokens",
        type=positive_int,
        default=_DEFAULTS.tokens,
        metavar="N",
        help="tokens to score, spread over the documents by their length (default: %(default)s)",
    )
    group.add_argument(
        "--context",
        type=positive_int,
        metavar="N",
        help="tokens the model reads at once (default: its own, 1024 at most)",
    )
    group.add_argument(
        "--mode",
        choices=["strict", "window"],
        default=_DEFAULTS.mode,
        help="strict: every token is read compressed; window: all but the first 4 and the newest "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--window",
        type=positive_int,
        default=_DEFAULTS.window,
        metavar="W",
        help="newest tokens that stay raw in mode window (default: %(default)s)",
    )


def evaluation_spec(arguments: argparse.Namespace, seed: int = _DEFAULTS.seed) -> EvalSpec:
    """Return what the evaluation options ask for; `seed` draws the bootstrap.

    Raises
    ------
    SpecError
        If a number lies outside its range.
    """
    return EvalSpec(
        mode=arguments.mode,
        window=arguments.window,
        tokens=arguments.tokens,
        context=arguments.context,
        seed=seed,
    )


def load_language(
    model: str, arguments: argparse.Namespace
) -> tuple[LanguageModel, tuple[Document, ...]]:
    """Return the model and the held-out documents, read first, as bad paths show at once."""
    from kvsplice_core.language.models import load_model
    from kvsplice_core.language.texts import BundledText, documents_for

    documents = documents_for(model, arguments.text, BundledText.HELDOUT)
    return load_model(model, device=arguments.device), documents


def warn_of_leaks(names: Sequence[str]) -> None:
    """Say which documents the codecs were calibrated on."""
    if names:
        remark(
            f"not held out: the codecs were calibrated on {', '.join(names)}, "
            "so the figures flatter them"
        )


def print_failed(controls: Sequence[Control]) -> int:
    """Print the controls that failed in place of a result; return the exit status."""
    failed = [control for control in controls if not control.passed]
    print_controls(failed)
    remark(
        f"{len(failed)} of {len(controls)} controls failed: what was measured is no result, "
        "and is not shown"
    )
    return FAILED_CONTROL


def print_controls(controls: Sequence[Control]) -> None:
    """Print controls with what was measured and required."""
    print_table(
        ("audit", "claim", "measured", "required"),
        [
            ("passed" if one.passed else "FAILED", one.claim, one.measured, one.required)
            for one in controls
        ],
    )


def estimate_text(estimate: Estimate, *, sign: bool = False, scale: float = 1.0) -> str:
    """Return a mean with its interval, with a sign where it is a change."""
    form = signed if sign else significant
    value, low, high = (form(scale * x) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
