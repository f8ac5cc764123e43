import json
from pathlib import Path

import numpy as np
import pytest

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.samples import SAMPLES, geometric_mix, open_sample

GOLDEN = Path(__file__).parents[1] / "golden" / "geometric_mix.json"


def test_geometric_mix_is_the_recorded_one():
    golden = json.loads(GOLDEN.read_text())
    x = geometric_mix()
    assert list(x.shape) == golden["shape"]
    assert x.dtype == golden["dtype"]
    wide = x.astype(np.float64)
    assert wide.sum() == pytest.approx(golden["sum"], rel=1e-9)
    assert np.abs(wide).mean() == pytest.approx(golden["mean_abs"], rel=1e-9)
    np.testing.assert_allclose(x[0, :6], golden["row0_first6"], rtol=1e-6)
    np.testing.assert_allclose(x[-1, -6:], golden["row5999_last6"], rtol=1e-6)
    np.testing.assert_allclose(wide[:, :4].std(axis=0), golden["column_std_first4"], rtol=1e-6)


def test_geometric_mix_follows_its_seed():
    first, again, other = (geometric_mix(50, 8, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(("n", "d"), [(0, 8), (10, 0), (10, 145)])
def test_geometric_mix_refuses_sizes_it_cannot_have(n, d):
    with pytest.raises(DataError, match=rf"got {n} × {d}"):
        geometric_mix(n, d)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_opens(name):
    sample = open_sample(name)
    assert sample.is_file() if isinstance(sample, Path) else sample.ndim == 2
    assert SAMPLES[name]


def test_an_unknown_sample_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"geometric-mix, smollm2-v; got 'nope'"):
        open_sample("nope")
