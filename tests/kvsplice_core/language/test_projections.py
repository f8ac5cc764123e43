"""W_O, found in every family, is what stands behind attention."""

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError
from kvsplice_core.language.attention import attention_through
from kvsplice_core.language.projections import attention_modules, output_projection
from tests.kvsplice_core.language.families import FAMILIES
from tests.language_models import tiny_gpt2


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_it_maps_attention_to_what_the_module_returns(family):
    language, heads = family(), {}
    modules = attention_modules(language.model)
    assert sorted(modules) == [0, 1]

    def answer(call):
        out, weights = call.compute()
        heads[call.layer] = out  # (batch, queries, query_heads, head_dim)
        return out, weights

    returned = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, i=i: returned.update({i: out[0]}))
        for i, module in modules.items()
    ]
    try:
        with torch.no_grad(), attention_through(language.model, answer):
            language.model(torch.arange(20)[None])
    finally:
        for hook in hooks:
            hook.remove()
    for i, module in modules.items():
        projection = output_projection(module, language.shape.head_dim)
        by_hand = torch.einsum("bqhd,hdo->bqo", heads[i], projection.weight)
        if projection.bias is not None:
            by_hand = by_hand + projection.bias
        torch.testing.assert_close(by_hand, returned[i], rtol=1e-4, atol=1e-4)
        assert getattr(projection.attention, projection.name) is not None


def test_modules_of_no_known_form():
    with pytest.raises(LanguageModelError, match="must have attention layers"):
        attention_modules(torch.nn.Linear(2, 2))
    block = tiny_gpt2().model.transformer.h[0]
    with pytest.raises(LanguageModelError, match="no output projection of a known form in"):
        output_projection(block.ln_1, 16)
