"""What is going on behind the window, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Busy:
    """What is going on; false when nothing is.

    Parameters
    ----------
    key : str
        Which activity, such as ``frontier``; empty when idle.
    verb : str
        What it does in a word or two, such as ``Measuring frontier``.
    is_cancelling : bool
        Whether it was asked to stop and has not yet.
    """

    key: str = ""
    verb: str = ""
    is_cancelling: bool = False

    def __bool__(self) -> bool:
        return bool(self.key)

    @property
    def why_not(self) -> str:
        """Why nothing else can be started now; empty when idle."""
        verb = "Cancelling" if self.is_cancelling else self.verb
        return f"{verb}: wait until that is done" if self else ""


IDLE = Busy()


@dataclass(frozen=True)
class Progress:
    """How far it is.

    Parameters
    ----------
    stage : str
        What is done now.
    fraction : float or None
        Share done, 0 … 1; None where nobody knows.
    left : str
        How long it will take, in words.
    """

    stage: str
    fraction: float | None = None
    left: str = ""
