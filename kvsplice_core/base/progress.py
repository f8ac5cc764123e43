"""Long work is a generator: it yields frozen progress values and returns a frozen result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, Never, Protocol, TypeVar, overload

Found_co = TypeVar("Found_co", covariant=True)
Part = TypeVar("Part")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Step(Generic[Found_co]):
    """Progress of long work, and what it has just finished.

    Parameters
    ----------
    text : str
        What is in work, or was just done.
    fraction : float
        Share done, 0 … 1.
    found : object or None
        A finished piece: a cell, a trial, all points so far. Whatever shows progress may leave out
        steps, but none of these.
    """

    text: str
    fraction: float
    found: Found_co | None = None


def relay(
    work: Generator[Part, None, Result], shown: Callable[[Part], Shown]
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


def counted(
    total: int, low: float = 0.0, high: float = 1.0, name: str = ""
) -> Callable[[str], Step[Never]]:
    """Return what makes steps of `total` texts, spread evenly from `low` to `high`.

    Parameters
    ----------
    total : int
    low, high : float
        Shares of the whole before the first text and with the last.
    name : str
        What they are of, put before each.
    """
    done, of = count(1), f"{name}: " if name else ""

    def step(text: str) -> Step[Never]:
        share = min(1.0, next(done) / total)
        return Step(of + text, (1 - share) * low + share * high)

    return step


class Working(Protocol):
    """What says how to do itself, as tasks do."""

    def work(self) -> Generator[Any, None, Any]:
        """Return the work."""
        ...


@overload
def run(
    work: Generator[Part, None, Result], on_step: Callable[[Part], object] | None = None
) -> Result: ...


@overload
def run(work: Working, on_step: Callable[[Any], object] | None = None) -> Any: ...  # noqa: ANN401


def run(
    work: Generator[Any, None, Any] | Working,
    on_step: Callable[[Any], object] | None = None,
) -> Any:
    """Run `work` to its end and return its result.

    Parameters
    ----------
    work : generator or Task
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
    steps = work if isinstance(work, Generator) else work.work()
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if on_step is not None:
            on_step(step)
