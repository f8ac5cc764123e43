"""A task: all that repeats a work, as one frozen value."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import Any, ClassVar

from kvsplice_core.base.options import entries


class Task:
    """Base of the frozen values that commands, windows and scripts hand to a machine.

    A subclass is a frozen dataclass of options and parts; two equal tasks give equal results. It
    can be pickled, and nothing heavy is imported before its work begins.

    Attributes
    ----------
    command : str
        The word behind ``kvsplice``.
    runner : str
        ``module:function`` of the generator that does the work, below ``kvsplice_core``.
    shows : str
        Python that shows a result named ``result``, for copies.
    shown_by : tuple of str
        Public names it needs.
    writes : tuple of str
        Words of the file that the command cannot do without; where to is no part of the task.
    """

    command: ClassVar[str]
    runner: ClassVar[str]
    shows: ClassVar[str] = "print(result)"
    shown_by: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()

    def work(self) -> Generator[Any, None, Any]:
        """Return the work, a generator of steps whose result is the task's; closing it cancels.

        Threads are set when it starts: without, results could differ in their last digits, and on
        a busy machine small steps would take a hundred times as long.
        """
        from kvsplice_core.base.devices import limit_threads, prepare_environment

        prepare_environment()
        module, name = self.runner.split(":")
        do = getattr(import_module(f"kvsplice_core.{module}"), name)
        limit_threads(_threads(self))
        result = yield from do(self)
        return result


def _threads(spec: object) -> int | None:
    """Return the threads a spec, or one inside it, asks for."""
    for entry in entries(type(spec)):
        value = getattr(spec, entry.name)
        wished = _threads(value) if entry.part is not None else None
        if entry.name == "threads" or wished is not None:
            return value if entry.name == "threads" else wished
    return None
