"""``kvsplice capture``: write down what a model's cache holds while it reads text."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.text import format_bytes
from kvsplice_core.cli.console import WorkProgress, say, significant
from kvsplice_core.cli.options import new_command, parse_layers, positive_int
from kvsplice_core.cli.outputs import check_file
from kvsplice_core.data.capture import CAPTURE_DTYPES, CaptureSpec, Sides
from kvsplice_core.language.bundled import MODEL_HELP

if TYPE_CHECKING:
    import argparse

    from kvsplice_core.cli.options import Commands
    from kvsplice_core.data.capture import CaptureResult

_DEFAULTS = CaptureSpec()
_TERMINATED = 143  # 128 + SIGTERM


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands, "capture", "Write down what a model's cache holds while it reads text", _run
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=MODEL_HELP,
    )
    _add_text_options(parser)
    _add_vector_options(parser)
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    group.add_argument("--threads", type=positive_int, metavar="N", help="CPU threads")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the .safetensors file to write"
    )


def _add_text_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("text")
    group.add_argument(
        "--text",
        nargs="+",
        default=(),
        metavar="FILE",
        help="text files, one document each, or folders of .txt files "
        "(default: the calibration books of gpt2-mini)",
    )
    group.add_argument(
        "--tokens",
        type=positive_int,
        default=_DEFAULTS.tokens,
        metavar="N",
        help="tokens at most, spread over the documents by their length (default: %(default)s)",
    )
    group.add_argument(
        "--context",
        type=positive_int,
        metavar="N",
        help="tokens the model reads at once (default: its own, 1024 at most)",
    )


def _add_vector_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("vectors")
    group.add_argument(
        "--kv",
        choices=[side.value for side in Sides],
        default=_DEFAULTS.sides.value,
        help="default: %(default)s",
    )
    group.add_argument(
        "--layers", type=parse_layers, metavar="LIST", help="such as 0-3,5 (default: all)"
    )
    group.add_argument(
        "--before-rotary", action="store_true", help="K as it is before its rotary embedding"
    )
    group.add_argument(
        "--dtype", choices=CAPTURE_DTYPES, default=_DEFAULTS.dtype, help="default: %(default)s"
    )
    group.add_argument(
        "--attention",
        action="store_true",
        help="also the mean squared attention each token receives",
    )


def _run(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments)
    out = check_file("--out", arguments.out, ".safetensors")
    from kvsplice_core.base.devices import limit_threads, prepare_environment

    prepare_environment()
    limit_threads(arguments.threads)
    with _ended_by_terminate():
        _print(_captured(arguments, spec, out))
    return 0


def _spec(arguments: argparse.Namespace) -> CaptureSpec:
    return CaptureSpec(
        tokens=arguments.tokens,
        sides=Sides(arguments.kv),
        layers=arguments.layers,
        keys_before_rotary=arguments.before_rotary,
        dtype=arguments.dtype,
        attention=arguments.attention,
        context=arguments.context,
    )


def _captured(arguments: argparse.Namespace, spec: CaptureSpec, out: Path) -> CaptureResult:
    from kvsplice_core.base.progress import run
    from kvsplice_core.language.capture import capture_vectors
    from kvsplice_core.language.models import load_model
    from kvsplice_core.language.texts import BundledText, documents_for

    documents = documents_for(arguments.model, arguments.text, BundledText.CALIBRATION)
    with WorkProgress() as progress:
        progress.show(0, f"loading {arguments.model}")
        language = load_model(arguments.model, device=arguments.device)
        work = capture_vectors(language, documents, spec, out)
        return run(work, lambda step: progress.show(step.fraction, step.text))


def _print(result: CaptureResult) -> None:
    facts, seconds = result.facts, result.elapsed_s
    count = len(facts.documents)
    pace = int(float(f"{facts.tokens / seconds:.3g}"))  # three digits, without an exponent
    say(f"saved {result.path}: {format_bytes(result.file_bytes)}")
    say(
        f"{facts.tokens} tokens of {count} document{'s' * (count != 1)} in "
        f"{significant(seconds)} s ({pace} tokens per second)"
    )


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """Let SIGTERM end the block like an exception, so that nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
