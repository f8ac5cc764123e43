"""Capturing from a language model, as a generator; torch and transformers are imported in it."""

from __future__ import annotations

from collections.abc import Callable, Generator

from kvsplice_core.capture.specs import CaptureResult, CaptureStep
from kvsplice_gui.capture_wish import CaptureWish, short_name
from kvsplice_gui.held_model import held_model
from kvsplice_gui.jobs import Note


def capture_job(
    wish: CaptureWish, device: str, on_whole: Callable[[str], object]
) -> Generator[Note | CaptureStep, None, CaptureResult]:
    """Load a model, let it read, and write what its cache holds; a closed one leaves no file.

    Parameters
    ----------
    wish : CaptureWish
        What to capture.
    device : str
        As `resolve_device` takes it.
    on_whole : callable
        Gets the file's path once it is whole, on the worker's thread; the result itself may find
        that it was cancelled meanwhile.
    """
    yield Note("Loading the engine (torch, transformers)…")
    from kvsplice_core.capture.capturing import capture_vectors
    from kvsplice_core.language.texts import BundledText, documents_for
    from kvsplice_core.threads import limit_threads

    limit_threads()
    documents = documents_for(wish.model, wish.texts, BundledText.CALIBRATION)
    yield Note(f"Loading {short_name(wish.model)}…")
    language = held_model(wish.model, device)
    result = yield from capture_vectors(language, documents, wish.spec, wish.path)
    on_whole(result.path)
    return result
