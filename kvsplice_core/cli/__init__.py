"""The ``kvsplice`` command, the headless twin of the window."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.cli.parser import build_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``kvsplice`` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, ``sys.argv[1:]`` when omitted.

    Returns
    -------
    int
        The exit status: 0; 2 for bad input or usage, with one line on stderr; 3 when a control of
        an audit failed; 130 after Ctrl-C; 141 when the reader of the output went away.
    """
    _never_fail_on_a_character()
    try:
        status = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return PIPE_CLOSED
    except (KVSpliceError, OSError) as error:
        return _report(str(error))
    return status


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit:  # --help and --version have printed what they had to
        return 0
    status: int = arguments.run(arguments)
    return status


def _report(message: str) -> int:
    print(f"kvsplice: error: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return BAD_INPUT


def _never_fail_on_a_character() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _silence_stdout() -> None:
    # Python flushes stdout once more at exit, which would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
