"""Vectors and captures that several rooms read, made once."""

from pathlib import Path

import numpy as np
import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import Capture, open_capture
from kvsplice_core.language.capture import capture_vectors
from tests.language_models import some_documents, tiny_gpt2, tiny_llama


@pytest.fixture
def vectors(tmp_path) -> Path:
    """Return a file of 256 vectors of 6 dimensions."""
    path = tmp_path / "vectors.npy"
    np.save(path, np.random.default_rng(0).standard_normal((256, 6)).astype(np.float32))
    return path


@pytest.fixture(scope="session")
def llama_capture(tmp_path_factory) -> Capture:
    """Return K, V and attention of the tiny Llama, 200 tokens of each document in windows of 64."""
    path = tmp_path_factory.mktemp("capture") / "llama.safetensors"
    spec = CaptureSpec(tokens=800, sides=Sides.BOTH, attention=True, context=64)
    run(capture_vectors(tiny_llama(), some_documents(), spec, path))
    return open_capture(path)


@pytest.fixture(scope="session")
def captures(tmp_path_factory):
    """Return captures of V and K of both models by the model's name."""
    made = {}
    for language in (tiny_gpt2(), tiny_llama()):
        path = tmp_path_factory.mktemp("captures") / f"{language.name}.safetensors"
        run(capture_vectors(language, some_documents(), CaptureSpec(600, Sides.BOTH), path))
        made[language.name] = open_capture(path)
    return made
