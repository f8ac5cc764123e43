"""The memory panel shows a cache and says once what a hand changed of it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtWidgets import QFileDialog

from kvsplice_core.data.model_shape import PRESETS
from kvsplice_gui.panels.memory_panel import MemoryPanel
from kvsplice_gui.state.wishes import MemoryWish
from tests.kvsplice_gui.panels.hands import pick, record, texts, type_number


@pytest.fixture
def panel(qtbot):
    made = MemoryPanel()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def said(panel):
    return record(panel.changed)


@pytest.fixture
def answer(monkeypatch):
    def answer(path):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (path, ""))

    return answer


wishes = st.builds(
    MemoryWish,
    model=st.sampled_from([*PRESETS, "models/llama/config.json"]),
    tokens=st.integers(1, 10**8),
    batch=st.integers(1, 10**5),
    kept_tokens=st.none() | st.integers(1, 10**8),
    element_bytes=st.sampled_from([1, 2, 4]),
    latent_bytes=st.sampled_from([1, 2, 4]),
)


@given(wish=wishes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_showing_a_wish_says_nothing_and_shows_all(panel, wish):
    said = record(panel.changed)
    panel.show_wish(wish)
    shown = MemoryWish(
        panel.model.currentData(),
        panel.tokens.value(),
        panel.batch.value(),
        panel.kept.value() or None,
        panel.element.currentData(),
        panel.latent.currentData(),
    )
    assert (shown, said) == (wish, [])


def test_presets_and_a_file_can_be_chosen(panel):
    expected = [*(shape.name for shape in PRESETS.values()), "config.json…"]
    assert texts(panel.model) == expected
    panel.show_wish(MemoryWish(model="models/llama/config.json"))
    assert texts(panel.model) == [*expected[:-1], "llama", "config.json…"]
    panel.show_wish(MemoryWish(model="config.json"))
    assert panel.model.currentText() == "config.json"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("tokens", "4 096", {"tokens": 4096}),
        ("batch", "8", {"batch": 8}),
        ("kept", "391", {"kept_tokens": 391}),
    ],
)
def test_a_typed_number_is_said_once(qtbot, panel, said, field, text, expected):
    type_number(qtbot, getattr(panel, field), text)
    assert said == [(expected,)]


def test_no_kept_tokens_means_all(qtbot, panel, said):
    panel.show_wish(MemoryWish(kept_tokens=391))
    type_number(qtbot, panel.kept, "0")
    assert said == [({"kept_tokens": None},)]
    assert panel.kept.text() == "all tokens"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("model", "GPT-2 1.5B", {"model": "gpt2-xl"}),
        ("element", "fp32 (4 bytes)", {"element_bytes": 4}),
        ("latent", "8 bits (1 byte)", {"latent_bytes": 1}),
    ],
)
def test_a_choice_is_said_once(panel, said, field, text, expected):
    pick(getattr(panel, field), text)
    assert said == [(expected,)]


def test_a_file_is_asked_for(panel, said, answer):
    answer("models/llama/config.json")
    pick(panel.model, "config.json…")
    assert said == [({"model": "models/llama/config.json"},)]


def test_why_nothing_can_be_measured_is_said_until_it_can(panel):
    panel.show()
    panel.show_obstacle("Capture vectors first.")
    assert panel._why_not.isVisible()
    assert panel._why_not.text() == "Capture vectors first."
    panel.show_obstacle("")
    assert not panel._why_not.isVisible()


def test_no_file_leaves_the_model(panel, said, answer):
    panel.show_wish(MemoryWish(model="gpt2-xl"))
    answer("")
    pick(panel.model, "config.json…")
    assert (said, panel.model.currentText()) == ([], "GPT-2 1.5B")
