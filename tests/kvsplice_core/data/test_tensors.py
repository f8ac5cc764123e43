import numpy as np
import pytest
import torch

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.tensors import Entry, array_file, brief, tensor_file


def info_of(name, shape):
    return tensor_file("x", [Entry(name, shape, "float32")], lambda _: np.zeros(shape)).tensors[0]


def test_a_layer_axis_offers_its_indices():
    info = info_of("v", (3, 1, 2, 20, 4))
    assert info.layers == (0, 1, 2)
    assert info.heads == 2


def test_a_name_offers_its_layer():
    assert info_of("layer7.v", (20, 4)).layers == (7,)
    assert info_of("v", (20, 4)).layers == ()
    assert info_of("v", (20, 4)).heads == 0


def test_an_array_is_a_source_of_one_tensor():
    x = np.zeros((20, 4), np.float16)
    file = array_file("array", x)
    assert file.tensors[0].dtype == "float16"
    assert file.read("array") is x
    assert file.provenance == ""


def test_a_tensor_that_learns_is_read_without_its_gradient():
    held = array_file("array", torch.zeros(20, 4, requires_grad=True)).read("array")
    assert not held.requires_grad


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((20, 4), np.int8), r"got array int8 \(20, 4\)"),
        (np.zeros(20), r"got array float64 \(20,\)"),
        (np.zeros((20, 0)), r"got array float64 \(20, 0\)"),
        (torch.zeros(1, 1, 1, 1, 20, 4), r"got array float32 \(1, 1, 1, 1, 20, 4\)"),
        (torch.zeros(20, 4, device="meta"), "got array meta float32"),
        (torch.zeros(20, 4, dtype=torch.complex64), "complex64"),
    ],
)
def test_arrays_without_vectors(array, words):
    with pytest.raises(DataError, match=words) as caught:
        array_file("array", array)
    assert "\n" not in str(caught.value)


def test_no_tensor_at_all():
    with pytest.raises(DataError, match="got nothing"):
        tensor_file("x", [], lambda _: np.zeros(1))


def test_long_lists_are_cut():
    assert brief(list("abc"), 2) == "a, b and 1 more"
    assert brief(list("abc"), 3) == "a, b, c"
