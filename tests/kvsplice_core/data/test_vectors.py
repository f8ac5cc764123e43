import hashlib
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.data.samples import SAMPLES, geometric_mix
from kvsplice_core.data.summary import DataSummary
from kvsplice_core.data.vectors import Values, describe, load_values

from .writers import write, write_sparse_npy, write_sparse_safetensors


def values_of(n, rows_per_token=1, d=2):
    rows = torch.arange(n * d, dtype=torch.float32).reshape(n, d)
    summary = DataSummary("array", "array", None, None, rows_per_token, "", n, d, n, 0, "")
    return Values(rows, summary)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(20, 4), (3, 20, 4), (2, 3, 20, 4), (2, 2, 3, 20, 4)])
def test_every_shape_and_dtype(dtype, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    values = load_values(x)
    picked = {2: (...,), 3: (0,), 4: (slice(None), 0), 5: (0, slice(None), 0)}[x.ndim]
    assert torch.equal(values.rows, x[picked].reshape(-1, 4).to(torch.float32))
    assert values.rows.is_contiguous()
    assert values.summary.vectors == len(values.rows)
    assert values.summary.sha256 == hashlib.sha256(values.rows.numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("order", [">f4", ">f8", "<f2"])
def test_arrays_of_any_byte_order_and_stride(order):
    x = np.arange(160.0).reshape(40, 4).astype(order)[::-2]
    x.flags.writeable = False
    np.testing.assert_array_equal(load_values(x).rows.numpy(), x.astype(np.float32))


def test_rows_do_not_alias_the_source():
    for source in (x := np.ones((20, 4), np.float32), torch.from_numpy(x)):
        load_values(source).rows.zero_()
        assert x.all()


def test_rows_of_a_mapped_file_can_be_written_without_harm(tmp_path):
    for suffix in (".safetensors", ".pt", ".npy", ".npz"):
        path = write(tmp_path / f"x{suffix}", torch.ones(20, 4))
        load_values(path).rows.zero_()
        assert load_values(path).rows.all()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".npy", ".npz"])
def test_the_same_numbers_in_every_format_give_the_same_hash(tmp_path, suffix):
    x = torch.arange(240.0).reshape(20, 3, 4)
    from_file = load_values(write(tmp_path / f"x{suffix}", x), pool_heads=True, budget=30)
    assert from_file.summary.sha256 == load_values(x, pool_heads=True, budget=30).summary.sha256
    assert from_file.summary.source == str(tmp_path / f"x{suffix}")


def test_pooled_heads_of_a_token_stand_together():
    x = torch.zeros(2, 3, 20, 2)
    x[..., 0] = torch.arange(40).reshape(2, 1, 20)
    x[..., 1] = torch.arange(3).reshape(1, 3, 1)
    values = load_values(x, pool_heads=True)
    assert values.rows_per_token == 3
    assert values.rows[:, 0].tolist() == [token for token in range(40) for _ in range(3)]
    assert values.rows[:, 1].tolist() == [0, 1, 2] * 40
    assert (values.summary.head, values.summary.pooled_heads) == (None, 3)


@given(st.integers(16, 150), st.integers(0, 5))
def test_the_budget_takes_whole_tokens_in_order(budget, seed):
    x = torch.arange(40.0).reshape(40, 1, 1).expand(40, 3, 2)
    values = load_values(x, pool_heads=True, budget=max(budget, 18), seed=seed)
    tokens = values.rows[:, 0].reshape(-1, 3)
    assert len(values.rows) == min(max(budget, 18) // 3 * 3, 120)
    assert bool((tokens == tokens[:, :1]).all())
    assert bool((tokens[:, 0].diff() > 0).all())
    assert values.summary.available == 120


def test_the_sample_follows_its_seed():
    x = torch.randn(500, 4)
    first, again, other = (load_values(x, budget=50, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.rows, again.rows)
    assert first.summary == again.summary
    assert first.summary.sha256 != other.summary.sha256


@pytest.mark.parametrize("writer", [write_sparse_npy, write_sparse_safetensors])
@pytest.mark.parametrize("axes", ["token head dim", "head token dim"])
def test_a_large_file_is_sampled_without_reading_the_rest(tmp_path, writer, axes):
    resource = pytest.importorskip("resource")
    shape = (2_000_000, 8, 64) if axes.startswith("token") else (8, 2_000_000, 64)
    suffix = ".npy" if writer is write_sparse_npy else ".safetensors"
    path = writer(tmp_path / f"large{suffix}", shape)
    assert path.stat().st_size > 2_000_000_000
    resident_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    values = load_values(path, axes=axes, head=3, budget=64)
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.rows.shape == (64, 64)
    assert values.summary.available == 2_000_000
    assert allocated < 64e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident_kib < 200_000


@given(st.integers(2, 60), st.integers(1, 5), st.floats(0.01, 0.99))
def test_the_split_is_in_order_between_two_tokens(tokens, heads, fraction):
    values = values_of(tokens * heads, heads)
    cut = int(tokens * fraction + 1e-6)
    if min(cut, tokens - cut) * heads < 2:
        with pytest.raises(DataError, match="at least 2 rows each; got"):
            values.split(fraction)
        return
    train, test = values.split(fraction)
    assert len(train) == cut * heads
    assert torch.equal(torch.cat([train, test]), values.rows)


def test_whole_shares_stay_whole():
    assert len(values_of(100).split(0.29)[0]) == 29
    assert len(values_of(6000).split(0.75)[0]) == 4500


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_shares_outside_0_and_1(fraction):
    with pytest.raises(SpecError, match="between 0 and 1; got"):
        values_of(100).split(fraction)


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        (np.zeros((15, 4)), {}, DataError, "at least 16 vectors of 2 dimensions; got 15 × 4"),
        (np.zeros((20, 1)), {}, DataError, "got 20 × 1"),
        (np.zeros((20, 3, 4)), {"budget": 17, "pool_heads": True}, DataError, "got 15 × 4"),
        (np.zeros((20, 4)), {"budget": 15}, SpecError, "at least 16 rows; got 15"),
        (np.zeros((20, 4)), {"seed": -1}, SpecError, "seed must be at least 0; got -1"),
        (
            np.zeros((99, 17, 4)),
            {"budget": 16, "pool_heads": True},
            SpecError,
            "one token of 17 heads; got 16",
        ),
        ([[1.0, 2.0]], {}, DataError, "an ndarray or a tensor; got list"),
        ("no-such-sample", {}, DataError, "geometric-mix, smollm2-v.* got 'no-such-sample'"),
        ("", {}, DataError, "got ''"),
        ("no-such.npy", {}, DataError, "no-such.npy must be a file .* no such file"),
    ],
)
def test_wrong_wishes_and_sources(source, options, error, words):
    with pytest.raises(error, match=words):
        load_values(source, **options)


@given(st.sets(st.integers(0, 29), min_size=1), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_numbers_that_are_not_finite_are_counted_by_row(rows, number):
    x = np.zeros((30, 4))
    x[sorted(rows), 1] = number
    with pytest.raises(DataError, match=rf"array .* {len(rows)} of 30 rows have NaN or infinite"):
        load_values(x)


def test_numbers_too_large_for_fp32_are_not_finite():
    for source in (x := np.full((30, 4), 1e300), torch.from_numpy(x)):
        with pytest.raises(DataError, match="30 of 30 rows"):
            load_values(source)


def test_only_the_picked_rows_must_be_finite():
    x = np.zeros((30, 2, 4))
    x[:, 1] = np.nan
    assert load_values(x, head=0).summary.vectors == 30


def test_constant_dimensions_are_fine():
    assert load_values(np.ones((20, 4))).rows.sum() == 80


def test_geometric_mix_by_name():
    values = load_values("geometric-mix")
    np.testing.assert_array_equal(values.rows.numpy(), geometric_mix())
    assert values.summary.provenance == SAMPLES["geometric-mix"]
    assert values.summary.title == "geometric-mix"


def test_the_bundled_model_values():
    values = load_values("smollm2-v", layer=15, head=2)
    assert values.rows.shape == (8192, 64)
    assert values.summary.title == "smollm2-v · layer 15 · head 2"
    assert values.summary.axes == "token head dim"
    assert "Apache-2.0" in values.summary.provenance
    assert load_values("smollm2-v").summary.layer == 5


def test_describe_lists_what_may_be_picked():
    assert {info.name for info in describe("smollm2-v")} == {"layer5.v", "layer15.v"}
    assert describe(np.zeros((20, 4)))[0].shape == (20, 4)
    assert describe("geometric-mix")[0].axes.text == "token dim (inferred)"
