"""The public interface is complete."""

import pytest

import kvsplice_core


@pytest.mark.parametrize("name", kvsplice_core.__all__)
def test_every_public_name_resolves(name):
    assert getattr(kvsplice_core, name) is not None
    assert name in dir(kvsplice_core)


def test_every_public_name_is_documented():
    undocumented = [
        name
        for name in kvsplice_core.__all__
        if name != "__version__" and not getattr(kvsplice_core, name).__doc__
    ]
    assert undocumented == []


def test_the_names_are_sorted_and_unique():
    assert sorted(set(kvsplice_core.__all__), key=str.lower) == sorted(
        kvsplice_core.__all__, key=str.lower
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'spline_everything'"):
        _ = kvsplice_core.spline_everything
