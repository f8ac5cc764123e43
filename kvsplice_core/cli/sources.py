"""What DATA|MODEL names: vectors, a capture, or a language model to capture from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kvsplice_core.base.errors import SpecError
from kvsplice_core.cli.console import WorkProgress
from kvsplice_core.language.bundled import BUNDLED, MODEL_HELP

if TYPE_CHECKING:
    import argparse
    from contextlib import ExitStack

    from kvsplice_core.data.capture_file import Capture
    from kvsplice_core.fit.layer import LayerValues


ALSO_MODELS = f"; a capture; or a language model: {MODEL_HELP}"
_PICKS = ("tensor", "layer", "head", "axes")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is taken of a capture or a model."""
    group = parser.add_argument_group("captures and models")
    group.add_argument("--side", choices=["v", "k"], default="v", help="default: %(default)s")
    add_model_option(group)
    group.add_argument(
        "--vectors-only", action="store_true", help="of a capture: do not measure its model"
    )
    group.add_argument(
        "--calibration-text",
        nargs="+",
        default=(),
        metavar="FILE",
        help="of a model: text to capture while it is read (default: the calibration books of "
        f"{BUNDLED})",
    )


def add_model_option(group: argparse._ArgumentGroup) -> None:
    """Add ``--model``, whose cache a capture's codecs go into."""
    group.add_argument(
        "--model",
        metavar="MODEL",
        help="of a capture: where its model lies now (default: where it was captured from)",
    )


def model_of(arguments: argparse.Namespace, capture: Capture) -> str:
    """Return the model to load: the one that is named, else the one that was captured."""
    return str(arguments.model or capture.facts.model.name)


def wants_model(arguments: argparse.Namespace) -> bool:
    """Say whether a model is to be measured: one is named, or a whole capture of one."""
    if any(getattr(arguments, name) is not None for name in _PICKS):
        return False
    return not arguments.vectors_only and is_model(arguments.data)


def refuse_of_vectors(arguments: argparse.Namespace) -> None:
    """Raise SpecError if what only captures and models have is asked of plain vectors."""
    from kvsplice_core.data.capture_file import is_capture

    asked = {
        "--model": arguments.model is not None,
        "--calibration-text": bool(arguments.calibration_text),
        "--side k": arguments.side != "v" and not is_capture(arguments.data),
    }
    found = [option for option, is_asked in asked.items() if is_asked]
    if found:
        raise SpecError(f"{' and '.join(found)} needs a whole capture or a model; got vectors")


def wants_layers(arguments: argparse.Namespace) -> bool:
    """Say whether the vectors of all layers of a capture are asked for."""
    from kvsplice_core.data.capture_file import is_capture

    picked = any(getattr(arguments, name) is not None for name in _PICKS)
    return not picked and is_capture(arguments.data)


def captured_layers(arguments: argparse.Namespace) -> dict[tuple[str, int], LayerValues]:
    """Return the vectors of all layers of a capture, by side and first layer of each group."""
    from kvsplice_core.data.capture_file import open_capture
    from kvsplice_core.fit.layer import LayerValues, join_layers

    capture, side, size = open_capture(arguments.data), arguments.side, arguments.join_layers
    read = [
        LayerValues(capture.values(side, layer, None, budget=arguments.budget))
        for layer in capture.facts.layers
    ]
    groups = join_layers(read, size)
    return {(side, capture.facts.layers[i * size]): one for i, one in enumerate(groups)}


def is_model(source: str) -> bool:
    """Say whether a source brings a language model: its name, its folder, or a capture of it."""
    from kvsplice_core.data.capture_file import is_capture
    from kvsplice_core.data.samples import SAMPLES

    if source == BUNDLED:
        return True
    path = Path(source).expanduser()
    if path.is_dir():
        return (path / "config.json").is_file()
    if path.exists():
        return is_capture(source)
    return source not in SAMPLES and not path.suffix


def opened_capture(arguments: argparse.Namespace, stack: ExitStack) -> Capture:
    """Return the capture that is named, or one of the named model's calibration text.

    The latter lies in a temporary folder until `stack` is closed.
    """
    from kvsplice_core.data.capture_file import is_capture, open_capture

    if is_capture(arguments.data):
        return open_capture(arguments.data)
    from kvsplice_core.base.progress import run
    from kvsplice_core.data.capture import CaptureSpec, Sides
    from kvsplice_core.language.capture import capture_vectors
    from kvsplice_core.language.models import load_model
    from kvsplice_core.language.texts import BundledText, documents_for

    documents = documents_for(arguments.data, arguments.calibration_text, BundledText.CALIBRATION)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    with WorkProgress() as progress:
        progress.show(0, f"loading {arguments.data}")
        language = load_model(arguments.data, device=arguments.device)
        spec = CaptureSpec(sides=Sides(arguments.side))
        work = capture_vectors(language, documents, spec, folder / "capture.safetensors")
        run(work, lambda step: progress.show(step.fraction, f"capturing {step.text}"))
    return open_capture(folder / "capture.safetensors")
