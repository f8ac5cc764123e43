"""Reference lines weigh what their papers say."""

import numpy as np
import pytest

from kvsplice_core.cache.formula import weigh
from kvsplice_core.cache.references import reference_lines
from kvsplice_core.data.model_shape import PRESETS, ModelShape
from kvsplice_core.tasks.memory import MemorySpec

TOKENS = np.array([1, 10, 1024, 5000])


def lines_of(shape, **options):
    return {line.name: line for line in reference_lines(MemorySpec(shape, 1024, **options))}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("key", PRESETS)
def test_dense_is_the_dense_cache(key, batch):
    dense = lines_of(PRESETS[key], batch=batch)["dense"].bytes_at(TOKENS)
    expected = [weigh(MemorySpec(PRESETS[key], int(n), batch)).dense_total for n in TOKENS]
    assert dense.tolist() == expected


def test_groups_of_four_weigh_a_quarter():
    lines = lines_of(PRESETS["gpt2"])
    assert (lines["GQA 4:1"].bytes_at(TOKENS) * 4 == lines["dense"].bytes_at(TOKENS)).all()


def test_a_model_with_fewer_kv_heads_keeps_its_own():
    lines = lines_of(ModelShape("mqa", 2, kv_heads=1, head_dim=64, query_heads=8, hidden=512))
    assert lines["GQA 4:1"].bytes_per_token == lines["dense"].bytes_per_token


def test_mla_of_deepseek_v2_is_576_numbers_a_layer():
    deepseek = ModelShape("DeepSeek-V2", 60, 128, 128, 128, 5120)
    assert lines_of(deepseek)["MLA"].bytes_per_token == 576 * 60 * 2


def test_a_token_budget_stops_growing():
    lines = lines_of(PRESETS["gpt2"])
    budget, dense = lines["1024 tokens"].bytes_at(TOKENS), lines["dense"].bytes_at(TOKENS)
    assert (budget[:3] == dense[:3]).all()
    assert budget[3] == budget[2]


def test_groups_divide_the_query_heads():
    lines = lines_of(ModelShape("xl", 48, kv_heads=25, head_dim=64, query_heads=25, hidden=1600))
    assert lines["GQA 5:1"].bytes_per_token * 5 == lines["dense"].bytes_per_token
