"""The seam shows exactly what attention reads, answers in its place, and leaves no trace."""

from dataclasses import replace

import pytest
import torch
from transformers.cache_utils import DynamicCache

from kvsplice_core.language.attention import attention_through
from kvsplice_core.language.texts import tokenise
from tests.kvsplice_core.language.families import FAMILIES, tiny_gemma2, tiny_gemma3
from tests.language_models import some_documents, tiny_gpt2, tiny_llama

NAMES = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)


def some_tokens(language, count=50):
    return tokenise(language, some_documents(1)[0])[None, :count]


@torch.no_grad()
def logits(language, ids, **options):
    return language.model(ids, **options).logits


@NAMES
def test_it_sees_what_the_cache_hands_out(family):
    language, seen, cache = family(), [], DynamicCache()
    ids = some_tokens(language)

    def answer(call):
        seen.append(call)
        return call.compute()

    with attention_through(language.model, answer):
        through = logits(language, ids, past_key_values=cache)
    assert [call.layer for call in seen] == [0, 1]
    for call, layer in zip(seen, cache.layers, strict=True):
        assert torch.equal(call.key, layer.keys)
        assert torch.equal(call.value, layer.values)
    torch.testing.assert_close(through, logits(language, ids), rtol=1e-4, atol=1e-4)


@NAMES
def test_its_weights_give_the_models_own_output(family):
    language = family()

    def answer(call):
        by_hand = (call.weights() @ call.for_queries(call.value)).transpose(1, 2)
        torch.testing.assert_close(by_hand, call.compute()[0], rtol=1e-4, atol=1e-4)
        return by_hand, None

    ids = some_tokens(language)
    with attention_through(language.model, answer):
        through = logits(language, ids)
    torch.testing.assert_close(through, logits(language, ids), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", [tiny_gpt2, tiny_llama, tiny_gemma2, tiny_gemma3])
def test_the_last_scores_alone(family):
    language = family()

    def answer(call):
        whole, last = call.scores(call.key), call.scores(call.key[:, :, 30:], mask_from=30)
        torch.testing.assert_close(last, whole[..., 30:])
        return call.compute()

    with attention_through(language.model, answer):
        logits(language, some_tokens(language))


@pytest.mark.parametrize("part", ["key", "value", "query"])
def test_what_is_replaced_is_what_is_read(part):
    language = tiny_llama()
    ids = some_tokens(language)

    def answer(call):
        return call.compute(**{part: torch.zeros_like(getattr(call, part))})

    with attention_through(language.model, answer):
        through = logits(language, ids)
    assert not torch.allclose(through, logits(language, ids), atol=1e-2)


def test_a_replaced_answer_reaches_the_logits_of_one_layer_only():
    language = tiny_gpt2()
    ids, reads = some_tokens(language), {}

    def blind(layer):
        def answer(call):
            reads.setdefault(layer, []).append(call.layer)
            out, weights = call.compute()
            return (torch.zeros_like(out) if call.layer == layer else out), weights

        return answer

    outputs = []
    for layer in (0, 1):
        with attention_through(language.model, blind(layer)):
            outputs.append(logits(language, ids))
    assert reads == {0: [0, 1], 1: [0, 1]}
    assert not torch.allclose(*outputs, atol=1e-3)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_implementation_comes_back_after_an_exception(implementation):
    language = tiny_gpt2()
    config = language.model.config
    before, ids = config._attn_implementation, some_tokens(tiny_gpt2())
    wanted = logits(language, ids)
    config._attn_implementation = implementation
    try:
        with pytest.raises(ZeroDivisionError), attention_through(language.model, _failing):
            logits(language, ids)
        assert config._attn_implementation == implementation
        torch.testing.assert_close(logits(language, ids), wanted, rtol=1e-4, atol=1e-4)
        with attention_through(language.model, lambda call: call.compute()):
            pass  # nothing is left that would refuse a second use
    finally:
        config._attn_implementation = before


def _failing(call):
    raise ZeroDivisionError


def test_it_does_not_nest():
    language = tiny_gpt2()

    def answer(call):
        return call.compute()

    with attention_through(language.model, answer):
        with (
            pytest.raises(RuntimeError, match="does not nest"),
            attention_through(language.model, answer),
        ):
            raise AssertionError("unreachable")
        logits(language, some_tokens(language))  # the outer one still answers


def test_two_models_at_once_keep_apart():
    first, second = tiny_gpt2(), tiny_llama()
    calls = []

    def counting(name):
        def answer(call):
            calls.append(name)
            return call.compute()

        return answer

    with (
        attention_through(first.model, counting("gpt2")),
        attention_through(second.model, counting("llama")),
    ):
        logits(first, some_tokens(first))
        logits(second, some_tokens(second))
    assert calls == ["gpt2"] * 2 + ["llama"] * 2


def test_a_left_padded_batch_is_masked():
    language = tiny_llama()
    ids = some_tokens(language, 12).repeat(2, 1)
    mask = torch.ones_like(ids)
    mask[1, :5] = 0

    def answer(call):
        weights = call.weights()
        assert float(weights[1, :, 5:, :5].max()) == 0
        assert float(weights[0, :, 5:, :5].max()) > 0
        return call.compute()

    with attention_through(language.model, answer):
        through = logits(language, ids, attention_mask=mask)
    plain = logits(language, ids, attention_mask=mask)
    torch.testing.assert_close(through[1, 5:], plain[1, 5:], rtol=1e-4, atol=1e-4)


def test_a_call_is_a_value():
    language, seen = tiny_gpt2(), []

    def answer(call):
        seen.append(replace(call, mask=None))
        return call.compute()

    with attention_through(language.model, answer):
        logits(language, some_tokens(language, 4))
    weights = seen[0].weights()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert float(weights[0, 0, 0, 3]) > 0  # without its mask it would see the future
