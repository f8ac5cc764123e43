"""Memory figures draw what the core weighs."""

import pytest

from kvsplice_core.cache.formula import bytes_curve, weigh
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.model_shape import PRESETS
from kvsplice_core.report.figures.memory import memory_reduction, memory_vs_tokens
from kvsplice_core.report.memory_words import formula_lines
from kvsplice_core.tasks.memory import MemorySpec
from tests.kvsplice_core.report.figures.gallery import SPEC, lines_of, texts_of

GPT2 = PRESETS["gpt2"]


def test_the_line_is_the_curve_of_the_core():
    line = lines_of(memory_vs_tokens(SPEC).axes[0])["Spline→PCA, k = 16"]
    assert line.get_ydata().tolist() == bytes_curve(SPEC, line.get_xdata()).tolist()


def test_formula_and_reference_lines_are_there():
    figure = memory_vs_tokens(SPEC)
    assert "\n".join(formula_lines(SPEC)) in texts_of(figure)
    names = [name.split(":")[0] for name in lines_of(figure.axes[0])]
    assert {"dense", "GQA 4", "MLA", "1024 tokens"} <= set(names)


def test_break_even_is_marked_where_there_is_one():
    even = weigh(SPEC).break_even_tokens
    assert f"pays from {even} tokens" in texts_of(memory_vs_tokens(SPEC))
    never = MemorySpec(GPT2, 1024, k=64)
    assert not any("pays" in text for text in texts_of(memory_vs_tokens(never)))


def test_it_says_honestly_when_compression_costs_more():
    spec = MemorySpec(GPT2, 64, k=16, method=Method.FLOW)
    assert any("more than dense 2.25 MiB" in text for text in texts_of(memory_vs_tokens(spec)))


@pytest.mark.parametrize("tokens", [1, 1024, 1_000_000])
@pytest.mark.parametrize("k", [None, 1])
def test_short_and_long_caches_can_be_drawn(tokens, k):
    figure = memory_vs_tokens(MemorySpec(GPT2, tokens, k=k))
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlim()[0] <= tokens <= figure.axes[0].get_xlim()[1]


def test_reduction_shows_the_published_numbers():
    texts = [text.replace("\u202f", "") for text in texts_of(memory_reduction())]
    for numbers in ("65536", "25024", "12512", "6256", "3128", "36.0"):
        assert numbers in texts


def test_stacks_add_up_to_the_whole():
    for axes, kept in zip(memory_reduction().axes, (None, 391), strict=True):
        tops = [
            keys.get_height() + values.get_height() + side.get_height()
            for keys, values, side in zip(*axes.containers, strict=True)
        ]
        labels = [tick.get_text() for tick in axes.get_xticklabels()]
        for label, top in zip(labels, tops, strict=True):
            k = None if label == "dense" else int(label)
            total = weigh(MemorySpec(GPT2, 1024, k=k, kept_tokens=kept)).total
            assert top * 2**20 == pytest.approx(total)


@pytest.mark.parametrize("tokens", [16, 8192, 1_000_000])
def test_the_note_at_the_chosen_tokens_stays_inside(tokens):
    figure = memory_vs_tokens(MemorySpec(PRESETS["gpt2-xl"], tokens, k=16))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    note = next(text for text in axes.texts if "dense" in text.get_text())
    assert note.get_window_extent().x1 <= axes.get_window_extent().x1


def test_measured_bytes_are_points():
    measured = [("dense, measured", (64.0, 128.0), (1e6, 2e6), "#777777")]
    points = lines_of(memory_vs_tokens(SPEC, measured=measured).axes[0])["dense, measured"]
    assert (list(points.get_xdata()), list(points.get_ydata())) == ([64.0, 128.0], [1e6, 2e6])
    assert points.get_linestyle() == "None"
