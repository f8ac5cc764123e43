"""Sizes and formulas in words hold the numbers they stand for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.formats import format_bytes
from kvsplice_core.cache.formula import weigh
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.model_shape import PRESETS, ModelShape
from kvsplice_core.report.memory_words import formula, formula_lines
from kvsplice_core.tasks.memory import MemorySpec

GPT2 = PRESETS["gpt2"]
UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.977 KiB"),
        (1024, "1.00 KiB"),
        (10_235, "10.0 KiB"),
        (1_048_575, "1.00 MiB"),
        (36 * 2**20, "36.0 MiB"),
        (5 * 2**40, "5.00 TiB"),
    ],
)
def test_sizes_have_binary_units_and_three_digits(size, text):
    assert format_bytes(size) == text


@given(st.integers(1000, 2**59))
def test_sizes_are_right_to_three_digits(size):
    number, unit = format_bytes(size).split()
    assert float(number) * 1024 ** UNITS.index(unit) == pytest.approx(size, rel=0.0051)
    assert len(number.replace(".", "").lstrip("0")) == 3


def test_dense_formula_has_the_numbers_in_it():
    assert formula(MemorySpec(GPT2, 1024)) == (
        "2 × 12 layers × 12 heads × 64 × 1\u202f024 tokens × 2 B = 36.0 MiB"
    )


def test_compressed_formula_names_every_part():
    spec = MemorySpec(GPT2, 1024, batch=2, k=16, kept_tokens=391, latent_bytes=1)
    found = weigh(spec)
    assert formula_lines(spec) == (
        "K: 12 layers × 12 heads × 64 × 1\u202f024 tokens × batch 2 × 2 B = 36.0 MiB",
        "+  V: 12 layers × 12 heads × k 16 × 391 tokens × batch 2 × 1 B = "
        f"{format_bytes(found.values)}  +  codecs {format_bytes(found.side)}"
        f"  =  {format_bytes(found.total)}",
    )


def test_pruned_but_not_compressed_has_no_codecs():
    text = formula(MemorySpec(GPT2, 1024, kept_tokens=391))
    assert "× 64 × 391 tokens" in text
    assert "codecs" not in text


def test_grouped_heads_are_called_kv_heads():
    shape = ModelShape("llama", 2, kv_heads=3, head_dim=64, query_heads=9, hidden=576)
    assert "× 3 KV heads ×" in formula(MemorySpec(shape, 10))


@given(
    tokens=st.integers(1, 10_000),
    batch=st.integers(1, 4),
    k=st.integers(1, 64),
    method=st.sampled_from(list(Method)),
)
def test_the_products_multiply_out(tokens, batch, k, method):
    spec = MemorySpec(GPT2, tokens, batch, k, method=method)
    for line, size in zip(formula_lines(spec), (weigh(spec).keys, weigh(spec).values), strict=True):
        product, _, result = line.partition(" = ")
        factors = re.findall(r"\d+", product.replace("\u202f", ""))
        worth = 1
        for factor in factors:
            worth *= int(factor)
        assert worth == size
        assert result.startswith(format_bytes(size))
