"""Budgets are numbers or bits, one or several, and their text reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.tasks.budgets import Budget, Budgets


@pytest.mark.parametrize("bits", [0, -1, 32.1, float("nan")])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(SpecError, match="bits per value must lie above 0 and be at most 32; got"):
        Budget(bits)


def test_tokens_below_one_are_refused():
    with pytest.raises(SpecError, match="at least 1; got 0"):
        Budget(2, 0)


@pytest.mark.parametrize("given", [{}, {"bits": 2.0, "k": 3}])
def test_a_budget_is_bits_or_k(given):
    with pytest.raises(SpecError, match="must be bits or k; got bits"):
        Budget(**given)


@given(k=st.integers(1, 64), dim=st.integers(1, 64))
def test_a_k_is_the_bytes_of_so_many_numbers(k, dim):
    if k > dim:
        with pytest.raises(SpecError, match=f"between 1 and the dimension {dim}; got {k}"):
            Budget(k=k).bits_for(dim)
        return
    assert Pipeline().k_for(Budget(k=k).bits_for(dim), dim) == k


def test_a_k_below_one_is_refused():
    with pytest.raises(SpecError, match="k must be at least 1; got 0"):
        Budget(k=0)


budgets = st.builds(
    Budgets, st.just("k"), st.lists(st.integers(1, 9999), min_size=1).map(tuple)
) | st.builds(Budgets, st.just("bits"), st.lists(st.floats(1e-3, 16), min_size=1).map(tuple))


@given(budgets)
def test_their_text_reads_back(one):
    assert Budgets.of(one.key) == one


@given(budgets)
def test_each_is_a_budget_of_their_unit_in_rising_order(one):
    amounts = [budget.bits if budget.k is None else budget.k for budget in one.each]
    assert amounts == sorted(set(one.amounts))
    assert all((budget.k is None) == (one.unit == "bits") for budget in one.each)


@pytest.mark.parametrize(
    ("text", "words"), [("k=16,8,8", ["k 8", "k 16"]), ("bits=2.5", ["2.5 bits"])]
)
def test_each_has_its_words(text, words):
    assert [budget.words for budget in Budgets.of(text).each] == words


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be written as k=8,16 or as bits=1,2.5; got"),
        ("8,16", "must be written as"),
        ("k=", "must be written as"),
        ("rank=8", "must be written as"),
        ("k=a", "must be written as"),
        ("k=2.5", "k must be a whole number of at least 1; got 2.5"),
        ("k=0", "whole number of at least 1; got 0"),
        ("k=inf", "whole number of at least 1; got inf"),
        ("bits=0", "bits must be above 0 and at most 16; got 0"),
        ("bits=17", "above 0 and at most 16; got 17"),
        ("bits=nan", "above 0 and at most 16; got nan"),
    ],
)
def test_what_is_no_budget_is_refused_in_one_sentence(text, says):
    with pytest.raises(SpecError, match=says):
        Budgets.of(text)
