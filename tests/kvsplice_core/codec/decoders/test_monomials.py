from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.codec.decoders.monomials import (
    all_monomials,
    count_all,
    count_quadratic,
    quadratic_monomials,
)


@given(leading=st.integers(1, 6), degree=st.integers(1, 5), seed=st.integers(0, 100))
def test_each_value_is_the_product_of_its_factors(leading, degree, seed):
    z = torch.randn(leading, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    monomials = all_monomials(leading, degree)
    expected = torch.stack([z[list(factors)].prod(0) for factors in monomials.factors])
    torch.testing.assert_close(monomials.values(z), expected)


@given(leading=st.integers(1, 8), degree=st.integers(2, 4))
def test_the_counts_are_known_beforehand(leading, degree):
    assert len(all_monomials(leading, degree)) == count_all(leading, degree)
    assert len(quadratic_monomials(leading)) == count_quadratic(leading)


@given(leading=st.integers(1, 6), degree=st.integers(2, 4))
def test_none_comes_twice_and_degrees_rise(leading, degree):
    factors = all_monomials(leading, degree).factors
    assert len(set(factors)) == len(factors)
    assert all(len(one) <= len(next_one) for one, next_one in pairwise(factors))


def test_the_quadratic_has_products_and_cubes():
    expected = {(0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 0), (1, 1, 1)}
    assert set(quadratic_monomials(2).factors) == expected


@pytest.mark.parametrize("fewer", [1, 2, 3])
def test_fewer_leading_latents_give_some_of_the_same(fewer):
    wide, narrow = quadratic_monomials(4), quadratic_monomials(fewer)
    z = torch.randn(4, 6)
    places = wide.places(narrow.factors)
    assert torch.equal(wide.values(z)[places], narrow.values(z[:fewer]))
