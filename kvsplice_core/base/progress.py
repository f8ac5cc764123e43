"""Long work is a generator: it yields frozen progress values and returns a frozen result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


def relay(
    work: Generator[Step, None, Result], shown: Callable[[Step], Shown]
) -> Generator[Shown, None, Result]:
    """Pass the progress of a part on as progress of the whole, and return the part's result.

    Parameters
    ----------
    work : generator
        The part; closing the relay closes it.
    shown : callable
        Turns a progress value of the part into one of the whole.
    """
    try:
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield shown(step)
    finally:
        work.close()


def run(
    work: Generator[Step, None, Result], on_step: Callable[[Step], object] | None = None
) -> Result:
    """Run `work` to its end and return its result.

    Parameters
    ----------
    work : generator
        For example ``calibrate(values, spec)``; closing it between two steps cancels it.
    on_step : callable, optional
        Called with every progress value.

    Examples
    --------
    >>> def work():
    ...     yield 0.5
    ...     return "done"
    >>> run(work())
    'done'
    """
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_step is not None:
            on_step(step)
