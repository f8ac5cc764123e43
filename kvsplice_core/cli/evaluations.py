"""What ``kvsplice eval`` and ``kvsplice quality`` share: their options and how they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvsplice_core.base.formats import signed, three_digits, with_interval
from kvsplice_core.cli.console import print_table, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvsplice_core.base.estimates import Estimate
    from kvsplice_core.tasks.evaluate import Control


FAILED_CONTROL = 3


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
    value, low, high = (scale * x for x in (estimate.value, estimate.low, estimate.high))
    return with_interval(value, low, high, signed if sign else three_digits)
