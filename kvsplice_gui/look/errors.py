"""What a person is told when something fails, and the hooks that see to it that they are."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from kvsplice_core.base.errors import KVSpliceError


@dataclass(frozen=True)
class ErrorReport:
    """One failure, free of the exception and so of its frames.

    Parameters
    ----------
    sentence : str
        What was required and what came.
    details : str
        Longer words and the traceback.
    expected : bool
        True for the errors KVSplice raises on purpose, False for a fault in the program.
    """

    sentence: str
    details: str
    expected: bool

    @property
    def text(self) -> str:
        """Everything, to copy."""
        return f"{self.sentence}\n\n{self.details}".strip()


def report_of(error: BaseException) -> ErrorReport:
    """Describe `error`, its traceback in the details."""
    trace = "".join(traceback.format_exception(error)).strip()
    if isinstance(error, KVSpliceError):
        details = f"{error.details}\n\n{trace}" if error.details else trace
        return ErrorReport(str(error), details, expected=True)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return ErrorReport("There is not enough memory for this.", trace, expected=True)
    sentence = f"Something went wrong inside KVSplice: {_first_line(error)}"
    return ErrorReport(sentence, trace, expected=False)


def install_hooks(report: Callable[[ErrorReport], object]) -> None:
    """Send every uncaught exception, of any thread, to `report`.

    Install after pyqtgraph is imported, which sets its own ``sys.excepthook``. `report` may be
    called from any thread; Ctrl-C is left to Python.
    """

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        report(report_of(error))

    def on_thread_exception(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
            report(report_of(arguments.exc_value))

    sys.excepthook = on_exception
    threading.excepthook = on_thread_exception


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
