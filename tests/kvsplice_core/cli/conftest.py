"""Vectors small enough for a sweep in a blink, and a way to run a command in this process."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from kvsplice_core.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and both streams."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr of a command that failed."""
        (line,) = self.err.splitlines()
        assert self.status == 2
        assert line.startswith("kvsplice: error: ")
        return line.removeprefix("kvsplice: error: ")


@pytest.fixture
def kvsplice(capsys, monkeypatch):
    """Return a function that runs one command."""
    import torch

    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)

    def run(*arguments: str | Path) -> Outcome:
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run
