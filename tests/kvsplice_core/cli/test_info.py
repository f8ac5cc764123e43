"""``kvsplice info`` shows every tensor and how its axes are read."""

import numpy as np
import pytest

from kvsplice_core.values.samples import SAMPLES
from kvsplice_core.values.values import describe


@pytest.mark.parametrize("name", SAMPLES)
def test_every_tensor_of_a_sample_is_shown(kvsplice, name):
    outcome = kvsplice("info", name)
    assert outcome.status == 0
    for tensor in describe(name):
        (line,) = (line for line in outcome.out.splitlines() if tensor.name in line)
        assert " × ".join(map(str, tensor.shape)) in line
        assert tensor.dtype in line


def test_layers_and_heads_are_counted(kvsplice, tmp_path):
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((3, 1, 2, 40, 8), dtype=np.float16))
    line = kvsplice("info", path).out.splitlines()[-1]
    assert "0 … 2" in line
    assert "3 × 1 × 2 × 40 × 8" in line
