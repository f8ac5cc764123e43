"""Errors of each head are those one gets by changing that head's V or K in the model itself."""

import numpy as np
import pytest
import torch

from kvsplice_core.base.progress import run
from kvsplice_core.codec.card import full_rank
from kvsplice_core.language.attention import attention_through
from kvsplice_core.language.projections import attention_modules, output_projection
from kvsplice_core.proof.tensor_view import ranked, tensor_view
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.curve import SensitivityResult
from tests.language_models import pca_card, some_documents, tiny_gpt2, tiny_llama

models = pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])


def one_window(language):
    return text_windows(language, some_documents(1), 60)


def seen_at(language, ids, layer):
    """Return raw K and V and the attention weights of a layer."""
    seen = {}

    def answer(call):
        if call.layer == layer:
            seen.update(key=call.key[0], value=call.value[0], weights=call.weights()[0])
        return call.compute()

    with attention_through(language.model, answer):
        language.model(ids, use_cache=False)
    return seen


def output_of(language, ids, layer, change):
    """Return what a layer's output projection gives with K and V changed."""
    module = attention_modules(language.model)[layer]
    projection = getattr(module, output_projection(module, 16).name)
    outputs = []
    handle = projection.register_forward_hook(lambda *call: outputs.append(call[2]))

    def answer(call):
        return call.compute(**change(call)) if call.layer == layer else call.compute()

    try:
        with attention_through(language.model, answer):
            language.model(ids, use_cache=False)
    finally:
        handle.remove()
    return outputs[0][0]


@models
@pytest.mark.parametrize("side", ["v", "k"])
def test_the_error_after_the_output_projection_is_the_models_own(make, side):
    language = make()
    card = pca_card(language, 5, keys=True)
    windows = one_window(language)
    codecs, name = (card.values, "value") if side == "v" else (card.keys, "key")
    for error in run(tensor_view(language, card, windows)):
        if error.side != side:
            continue

        def change(call, error=error):
            changed = getattr(call, name).clone()
            restored = codecs[error.layer].reconstruct(changed)
            changed[:, error.head] = restored[:, error.head]
            return {name: changed}

        before = output_of(language, windows[0].ids, error.layer, lambda _: {})
        after = output_of(language, windows[0].ids, error.layer, change)
        assert error.output_error == pytest.approx(float((after - before).square().mean()), 1e-3)


@models
def test_plain_and_weighted_errors_by_hand(make):
    language = make()
    card = pca_card(language, 5, keys=True)
    windows = one_window(language)
    for error in run(tensor_view(language, card, windows)):
        seen = seen_at(language, windows[0].ids, error.layer)
        original = seen["value" if error.side == "v" else "key"]
        sides = card.values if error.side == "v" else card.keys
        restored = sides[error.layer].reconstruct(original[None])[0]
        squares = (original - restored)[error.head].square().mean(-1)
        shared = seen["weights"].shape[0] // original.shape[0]
        own = seen["weights"][error.head * shared : (error.head + 1) * shared]
        seen_by = torch.arange(own.shape[-1], 0, -1)  # a token is seen by itself and all after it
        weight = own.square().sum((0, 1)) / seen_by
        weight = weight / weight.mean()
        assert error.mse == pytest.approx(float(squares.mean()), rel=1e-4)
        assert error.weighted_mse == pytest.approx(float((weight * squares).mean()), rel=1e-4)


@models
def test_full_rank_has_no_error(make):
    language = make()
    card = pca_card(language, 5, keys=True).replace_codecs(full_rank)
    for error in run(tensor_view(language, card, one_window(language))):
        assert max(error.mse, error.weighted_mse, error.output_error) < 1e-8


def test_every_compressed_head_has_its_places():
    language = tiny_llama()
    errors = run(tensor_view(language, pca_card(language, 5, keys=True), one_window(language)))
    assert [(e.side, e.layer, e.head) for e in errors] == [
        (side, layer, head) for side in "vk" for layer in (0, 1) for head in (0, 1)
    ]
    for side in "vk":
        ranks = np.array([error.ranks for error in errors if error.side == side])
        assert (np.sort(ranks, axis=0) == np.arange(1, 5)[:, None]).all()
        largest = max((e for e in errors if e.side == side), key=lambda e: e.output_error)
        assert largest.ranks[2] == 1


def test_sensitivity_adds_a_place():
    language = tiny_gpt2()
    errors = run(tensor_view(language, pca_card(language, 5), one_window(language)))
    kl = np.arange(8.0).reshape(2, 4)
    found = ranked(errors, SensitivityResult("card", {"v": kl}, {"v": kl}, 10, 0.0))
    assert [error.ranks[3] for error in found] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [error.ranks[:3] for error in found] == [error.ranks for error in errors]


def test_each_side_has_its_places_by_its_own_kl():
    language = tiny_llama()
    errors = run(tensor_view(language, pca_card(language, 5, keys=True), one_window(language)))
    up = np.arange(4.0).reshape(2, 2)
    kl = {"v": up, "k": -up}
    found = ranked(errors, SensitivityResult("card", kl, kl, 10, 0.0))
    assert [error.ranks[3] for error in found] == [4, 3, 2, 1, 1, 2, 3, 4]


def test_the_model_is_left_as_it_was():
    language = tiny_gpt2()
    windows = one_window(language)
    before = language.model(windows[0].ids).logits
    next(work := tensor_view(language, pca_card(language, 5), windows))
    work.close()
    assert torch.equal(language.model(windows[0].ids).logits, before)
