"""The registry of methods."""

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.registry import load


@pytest.mark.parametrize("method", list(Method))
def test_a_method_is_found_by_its_key(method):
    assert Method.of(method.key) is method


def test_keys_columns_and_labels_are_each_used_once():
    for name in ("key", "column", "label"):
        words = [getattr(method, name) for method in Method]
        assert len(set(words)) == len(words)


def test_the_columns_are_spelled_as_result_files_have_them():
    assert [method.column for method in Method] == ["PCA", "SplinePCA", "FlowPCA"]


@pytest.mark.parametrize("method", list(Method))
def test_each_method_has_a_kind(method):
    for name in ("start", "rates", "restore"):
        assert callable(getattr(load(method), name))


def test_only_pca_learns_no_transform():
    assert [method for method in Method if not method.is_learnt] == [Method.PCA]


@pytest.mark.parametrize("key", ["", "PCA", "wavelet"])
def test_an_unknown_key_is_refused(key):
    with pytest.raises(SpecError, match=rf"one of pca, spline, flow; got '{key}'"):
        Method.of(key)
