"""Small captures to make curves of."""

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import CaptureSpec, Sides
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.language.capture import capture_vectors
from tests.language_models import some_documents, tiny_gpt2, tiny_llama


@pytest.fixture(scope="session")
def captures(tmp_path_factory):
    """Return captures of V and K of both models by the model's name."""
    made = {}
    for language in (tiny_gpt2(), tiny_llama()):
        path = tmp_path_factory.mktemp("captures") / f"{language.name}.safetensors"
        run(capture_vectors(language, some_documents(), CaptureSpec(600, Sides.BOTH), path))
        made[language.name] = open_capture(path)
    return made
