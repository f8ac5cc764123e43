"""Rows written in any order give the file safetensors would have written."""

import io

import pytest
import torch
from safetensors.torch import load

from kvsplice_core.language.writer import RowWriter, Slot


def test_rows_in_any_order():
    tensors = {
        "half": torch.randn(7, 3, 5).half(),
        "brain": torch.randn(7, 1, 1).bfloat16(),
        "full": torch.randn(7, 3),
    }
    stream = io.BytesIO()
    slots = {name: Slot(tuple(x.shape), x.dtype) for name, x in tensors.items()}
    writer = RowWriter(stream, slots, {"who": "Ω"})
    for row in (5, 0, 3, 1, 2, 4, 6):
        for name, x in tensors.items():
            writer.write(name, row, x[row : row + 1])
    read = load(stream.getvalue())
    assert set(read) == set(tensors)
    assert all(torch.equal(read[name], x) for name, x in tensors.items())


def test_its_length_is_known_before_any_row(tmp_path):
    path = tmp_path / "x.safetensors"
    with path.open("wb") as stream:
        RowWriter(stream, {"x": Slot((100, 2, 3), torch.float16)}, {})
    assert load(path.read_bytes())["x"].shape == (100, 2, 3)


@pytest.mark.parametrize("rows", [torch.zeros(1, 3), torch.zeros(1, 2, dtype=torch.float64)])
def test_rows_of_another_shape_or_dtype(rows):
    writer = RowWriter(io.BytesIO(), {"x": Slot((4, 2), torch.float32)}, {})
    with pytest.raises(ValueError, match="x takes rows of"):
        writer.write("x", 0, rows)
