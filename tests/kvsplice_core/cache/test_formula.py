"""The bytes of a cache: published numbers, and what must hold for every cache."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from kvsplice_core import calibrate, run, save_codec
from kvsplice_core.base.errors import ModelShapeError, SpecError
from kvsplice_core.cache.formula import (
    bytes_curve,
    cache_bytes,
    codec_numbers,
    numbers_per_head,
    weigh,
)
from kvsplice_core.codec.kinds import Axes, CouplingKind, Curve, Method, Recipe
from kvsplice_core.data.model_shape import PRESETS, ModelShape
from kvsplice_core.tasks.memory import MemorySpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.makers import bent_rows, values_of

GPT2 = PRESETS["gpt2"]

specs = st.builds(
    MemorySpec,
    shape=st.sampled_from(list(PRESETS.values())),
    tokens=st.integers(1, 200_000),
    batch=st.integers(1, 8),
    k=st.none() | st.integers(1, 64),
    kept_tokens=st.none() | st.integers(1, 200_000),
    element_bytes=st.sampled_from([1, 2, 4]),
    latent_bytes=st.sampled_from([1, 2, 4]),
    knots=st.integers(3, 64),
    method=st.sampled_from(list(Method)),
    per_head_codecs=st.booleans(),
)


def at(spec, **changes):
    return weigh(MemorySpec(**{**vars(spec), **changes}))


def test_gpt2_in_fp16_is_36_mebibytes():
    found = cache_bytes("gpt2", tokens=1024)
    assert found.total == found.dense_total == 36 * 2**20
    assert (found.side, found.total_ratio, found.break_even_tokens) == (0, 1.0, 1)


@pytest.mark.parametrize(
    ("tokens", "k", "numbers"),
    [(1024, 64, 65_536), (391, 64, 25_024), (391, 32, 12_512), (391, 16, 6_256), (391, 8, 3_128)],
)
def test_numbers_per_head_are_the_published_ones(tokens, k, numbers):
    assert numbers_per_head(tokens, k) == numbers
    found = cache_bytes("gpt2", tokens=1024, k=k, kept_tokens=tokens)
    assert found.values == 12 * 12 * numbers * 2


def test_side_information_counts_the_basis_of_pca_once():
    assert cache_bytes("gpt2", tokens=9, k=16).side == 12 * 12 * (64 * 16 + 64) * 4


@pytest.mark.parametrize(("dim", "k", "knots"), [(6, 2, 4), (7, 7, 3)])
@pytest.mark.parametrize("method", Method)
def test_side_information_is_what_a_saved_codec_holds(tmp_path, method, dim, k, knots):
    recipe = Recipe.ORIGIN  # keeps its codec even where PCA is better
    spec = CalibrationSpec(method, k, recipe, knots=knots, epochs=1, k_train=2, device="cpu")
    codec = run(calibrate(values_of(bent_rows(80, dim)), spec)).codec
    assert codec.method is method
    save_codec(codec, tmp_path / "codec.safetensors")
    saved = {name: t.numpy() for name, t in load_file(tmp_path / "codec.safetensors").items()}
    held = sum(numbers.size for numbers in saved.values())
    if method is Method.PCA:  # the file spells out both ways; a cache needs one of them
        assert (saved["projection.decoder"] == saved["projection.encoder"].T).all()
        assert (saved["projection.offset_in"] == saved["projection.offset_out"]).all()
        held = saved["projection.encoder"].size + saved["projection.offset_out"].size
    assert codec_numbers(method, dim, k, spec.transform) == held


@pytest.mark.parametrize("method", [Method.SPLINE, Method.FLOW])
@pytest.mark.parametrize(
    "options",
    [
        {"curve": Curve.RATIONAL_QUADRATIC},
        {"curve": Curve.SMOOTH, "axes": Axes.WHITENED},
        {"curve": Curve.RATIONAL_QUADRATIC, "axes": Axes.PCA},
        {"coupling": CouplingKind.RATIONAL_QUADRATIC, "axes": Axes.PCA},
    ],
)
def test_side_information_counts_derivatives_axes_and_spline_couplings(tmp_path, method, options):
    spec = CalibrationSpec(method, 2, Recipe.ORIGIN, knots=4, epochs=1, k_train=2, **options)
    codec = run(calibrate(values_of(bent_rows(80, 5)), spec)).codec
    save_codec(codec, tmp_path / "codec.safetensors")
    held = sum(numbers.numel() for numbers in load_file(tmp_path / "codec.safetensors").values())
    assert codec_numbers(method, 5, 2, spec.transform) == held


def test_a_cache_weighs_the_kind_of_its_transform():
    plain = MemorySpec(GPT2, 9, k=16, method=Method.SPLINE)
    more = {
        "curve": (Curve.RATIONAL_QUADRATIC, 16 * 64),
        "axes": (Axes.PCA, 2 * 64 * 64),
        "coupling": (CouplingKind.RATIONAL_QUADRATIC, 0),
    }
    for name, (choice, numbers) in more.items():
        assert at(plain, **{name: choice}).side - weigh(plain).side == 12 * 12 * numbers * 4


def test_a_codec_for_each_layer_is_shared_by_its_heads():
    shared = cache_bytes("gpt2", tokens=9, k=16, per_head_codecs=False)
    assert shared.side * 12 == cache_bytes("gpt2", tokens=9, k=16).side


@given(specs)
def test_dense_is_the_formula(spec):
    shape = spec.shape
    expected = 2 * shape.layers * shape.kv_heads * shape.head_dim * spec.tokens * spec.batch
    assert weigh(spec).dense_total == expected * spec.element_bytes
    assert at(spec, k=None, kept_tokens=None).total == expected * spec.element_bytes


@given(specs)
def test_more_tokens_more_sequences_and_more_k_weigh_more(spec):
    total = weigh(spec).total
    assert at(spec, tokens=spec.tokens + 1).total > total
    assert at(spec, batch=spec.batch + 1).total > total
    if spec.k is not None and spec.k < 64:
        assert at(spec, k=spec.k + 1).total > total


@given(specs)
def test_pruning_never_adds(spec):
    assert weigh(spec).total <= at(spec, kept_tokens=None).total


@given(specs)
def test_break_even_is_the_crossing(spec):
    even = weigh(spec).break_even_tokens
    if even is None:
        assert all(at(spec, tokens=n).total_ratio < 1 for n in (1, 1000, 10**9))
        return
    assert at(spec, tokens=even).total_ratio >= 1
    assert even == 1 or at(spec, tokens=even - 1).total_ratio < 1


@given(
    shape=st.builds(
        ModelShape,
        st.just("tiny"),
        layers=st.integers(1, 2),
        kv_heads=st.integers(1, 2),
        head_dim=st.integers(2, 6),
        query_heads=st.just(2),
        hidden=st.just(12),
    ),
    batch=st.integers(1, 3),
    k=st.none() | st.integers(1, 2),
    kept=st.none() | st.integers(1, 400),
    sizes=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4, 8])),
)
def test_break_even_is_the_first_length_that_is_no_larger(shape, batch, k, kept, sizes):
    lengths = range(1, 800)
    element, latent = sizes
    spec = MemorySpec(shape, 1, batch, k, kept, element, latent, method=Method.PCA)
    weights = [at(spec, tokens=n) for n in lengths]
    pays = [n for n, w in zip(lengths, weights, strict=True) if w.total <= w.dense_total]
    found = weigh(spec).break_even_tokens
    if pays:
        assert found == pays[0]
    else:
        assert found is None or found >= lengths.stop


@given(specs, st.lists(st.integers(1, 10**6), min_size=1, max_size=5))
def test_curve_is_weigh_at_every_length(spec, lengths):
    expected = [at(spec, tokens=n).total for n in lengths]
    assert bytes_curve(spec, np.array(lengths)).tolist() == expected


def test_too_large_a_latent_is_told_to_cost_more():
    found = cache_bytes(GPT2, tokens=1024, k=64, latent_bytes=4)
    assert found.total > found.dense_total
    assert found.total_ratio < 1
    assert found.break_even_tokens is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": 0}, "tokens must be at least 1; got 0"),
        ({"batch": 0}, "batch must be at least 1; got 0"),
        ({"k": 0}, "between 1 and head_dim 64; got 0"),
        ({"k": 65}, "between 1 and head_dim 64; got 65"),
        ({"kept_tokens": 0}, "kept tokens must be at least 1; got 0"),
        ({"latent_bytes": 0}, "latent_bytes must be at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(changes, words):
    with pytest.raises(SpecError, match=words):
        cache_bytes("gpt2", **{"tokens": 10, **changes})


def test_an_unknown_model_is_refused():
    with pytest.raises(ModelShapeError, match="gpt5"):
        cache_bytes("gpt5", tokens=1)
