"""A capture of four documents, made once."""

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import Capture, open_capture
from kvsplice_core.language.capture import capture_vectors
from tests.language_models import some_documents, tiny_llama


@pytest.fixture(scope="session")
def llama_capture(tmp_path_factory) -> Capture:
    """Return K, V and attention of the tiny Llama, 200 tokens of each document in windows of 64."""
    path = tmp_path_factory.mktemp("capture") / "llama.safetensors"
    spec = CaptureSpec(tokens=800, sides=Sides.BOTH, attention=True, context=64)
    run(capture_vectors(tiny_llama(), some_documents(), spec, path))
    return open_capture(path)
