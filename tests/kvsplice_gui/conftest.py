"""Small vectors and a window that is closed whatever happens."""

import numpy as np
import pytest

from kvsplice_core.codec.kinds import Method
from kvsplice_gui.state.state import State
from kvsplice_gui.state.wishes import Wishes
from kvsplice_gui.work.runner import Controller


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """2000 vectors of 6 numbers along a curve, as two heads of 1000 tokens."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(2000, 1))
    rows = np.tanh(t * np.arange(1, 7)) + 0.05 * rng.standard_normal((2000, 6))
    path = tmp_path_factory.mktemp("data") / "small.npy"
    np.save(path, rows.reshape(1000, 2, 6).astype(np.float32))
    return path


@pytest.fixture(scope="session")
def model_capture(tmp_path_factory):
    """A capture of V and K of a small model, and two texts it never read: paths."""
    from kvsplice_core.cli import main
    from tests.language_models import some_documents, tiny_gpt2

    folder = tmp_path_factory.mktemp("captured")
    language = tiny_gpt2()
    language.model.save_pretrained(folder / "model")
    language.tokenizer.save_pretrained(folder / "model")
    for document in some_documents(4):
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    *read, third, fourth = sorted(map(str, folder.glob("*.txt")))
    capture = folder / "capture.safetensors"
    options = ["--tokens", "600", "--kv", "both", "--device", "cpu", "--out", str(capture)]
    assert main(["capture", str(folder / "model"), "--text", *read, *options]) == 0
    return capture, (third, fourth)


@pytest.fixture
def quick_wishes():
    """Few epochs, spline only."""
    return Wishes().but(methods=(Method.PCA, Method.SPLINE), k=2, epochs=40, knots=5, device="cpu")


@pytest.fixture
def controller(qtbot, quick_wishes):
    made = Controller(State(quick_wishes))
    yield made
    made.shutdown()


@pytest.fixture
def window(qtbot, quick_wishes):
    from kvsplice_gui.window.main_window import MainWindow

    state = State(quick_wishes)
    made = MainWindow(state, Controller(state))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()
