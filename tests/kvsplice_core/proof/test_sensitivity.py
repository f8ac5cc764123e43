"""The map holds what each head costs when it alone is compressed."""

from dataclasses import replace

import numpy as np
import pytest

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.base.progress import run
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.scoring import BaseLogProbs, score_text
from kvsplice_core.proof.sensitivity import sensitivity
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

SMALL = EvalSpec(tokens=200)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_every_cell_is_one_side_of_that_head_alone(make):
    language = make()
    card = pca_card(language, 4, keys=True)
    steps = []
    result = run(sensitivity(language, card, some_documents(2), SMALL), steps.append)
    facts = card.model
    assert list(result.kl) == ["v", "k"]
    windows = text_windows(language, some_documents(2), 200)
    base, reader = BaseLogProbs(language), CacheReader(language)
    for side, one_sided in (("v", replace(card, keys={})), ("k", replace(card, values={}))):
        assert result.kl[side].shape == (facts.layers, facts.kv_heads)
        for (layer, head), kl in np.ndenumerate(result.kl[side]):
            alone = run(score_text(reader, one_sided.only(layer, head), windows, base))
            assert kl == pytest.approx(alone.kl)
            assert result.delta_nll[side][layer, head] == pytest.approx(alone.delta_nll)
            assert kl > 1e-6
    told = {
        (c.side, c.layer, c.head): c.kl for c in (step.found for step in steps) if c is not None
    }
    assert told == {
        (side, *at): kl for side, kls in result.kl.items() for at, kl in np.ndenumerate(kls)
    }
    assert result.tokens == sum(window.tokens - 1 for window in windows)


def test_a_dense_layer_costs_nothing():
    language = tiny_gpt2()
    card = pca_card(language, 4)
    card = replace(card, values={1: card.values[1]})
    result = run(sensitivity(language, card, some_documents(2), SMALL))
    assert list(result.kl) == ["v"]
    assert (result.kl["v"][0] == 0).all()
    assert (result.kl["v"][1] > 0).all()


def test_a_card_of_other_weights_is_refused():
    other = replace(tiny_gpt2(), sha256="0" * 64)
    with pytest.raises(LanguageModelError, match="only the weights"):
        run(sensitivity(other, pca_card(tiny_gpt2(), 8), some_documents(1), SMALL))
