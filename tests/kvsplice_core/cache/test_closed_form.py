"""The closed form of a card's cache agrees with the memory panel's, and finds where it pays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvsplice_core.cache.closed_form import break_even_tokens, card_bytes, dense_bytes
from kvsplice_core.cache.formula import weigh
from kvsplice_core.cache.raw_tokens import Window
from kvsplice_core.codec.kinds import Axes, Curve, Method
from kvsplice_core.tasks.memory import MemorySpec
from tests.kvsplice_core.cache.cards import COMPOSED, card_of, composed_card, method_card
from tests.kvsplice_core.makers import bent_rows, transform_of
from tests.language_models import tiny_gpt2


@pytest.mark.parametrize("method", list(Method))
def test_v_alone_at_one_k_is_what_the_memory_panel_weighs(method):
    language = tiny_gpt2()
    card = method_card(language, method, 5)
    for tokens in (1, 100):
        ours = card_bytes(card, tokens, 3, 2)
        spec = MemorySpec(language.shape, tokens, batch=3, k=5, knots=16, method=method)
        panel = weigh(spec)
        assert (ours.keys, ours.values, ours.side) == (panel.keys, panel.values, panel.side)
        assert dense_bytes(card, tokens, 3, 2).total == panel.dense_total
        assert break_even_tokens(card, 3, 2) == panel.break_even_tokens


@pytest.mark.parametrize(
    "options",
    [{"curve": Curve.RATIONAL_QUADRATIC}, {"curve": Curve.RATIONAL_QUADRATIC, "axes": Axes.PCA}],
)
def test_derivatives_and_axes_weigh_what_the_memory_panel_says(options):
    language = tiny_gpt2()
    rows = bent_rows(100, language.shape.head_dim)
    bent = transform_of(Method.SPLINE, rows, 0.3, **options)
    card = method_card(language, Method.SPLINE, 5)
    card = card.replace_codecs(lambda codec: replace(codec, transform=bent))
    spec = MemorySpec(language.shape, 10, k=5, knots=16, method=Method.SPLINE, **options)
    assert card_bytes(card, 10, 1, 2).side == weigh(spec).side


@pytest.mark.parametrize("window", [None, Window(0, 1), Window(4, 10), Window(9, 3)])
@pytest.mark.parametrize("k", [1, 7, 15, 16])
def test_break_even_is_the_first_length_that_pays(k, window):
    card = card_of(tiny_gpt2(), "v", k)

    def pays(tokens):
        dense = dense_bytes(card, tokens, 1, 4).total
        return card_bytes(card, tokens, 1, 4, window).total <= dense

    found = break_even_tokens(card, 1, 4, window)
    if k == 16:
        assert found is None
    else:
        assert found == next(tokens for tokens in range(1, 5000) if pays(tokens))


def test_break_even_counts_the_measured_codecs():
    card = card_of(tiny_gpt2(), "v", 4)
    assert break_even_tokens(card, 1, 4, side=0) == 1
    assert break_even_tokens(card, 1, 4, side=10**6) > break_even_tokens(card, 1, 4)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_cards_weigh_what_their_codecs_hold(name):
    card = composed_card(tiny_gpt2(), name)
    weighed = card_bytes(card, 100, 3, 2)
    codecs = [one for side in (card.keys, card.values) for one in side.values()]
    assert weighed.side == sum(one.packed("cpu").nbytes() for one in codecs)
    assert weighed.values == 300 * sum(one.bytes_per_token(2) for one in card.values.values())
    first = break_even_tokens(card, 3, 2)
    before, at = (
        card_bytes(card, tokens, 3, 2).total - dense_bytes(card, tokens, 3, 2).total
        for tokens in (first - 1, first)
    )
    assert at <= 0
    assert before > 0 or first == 1
