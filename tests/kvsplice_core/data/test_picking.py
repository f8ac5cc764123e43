import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import SpecError
from kvsplice_core.data.picking import arrange, gather, pick, sample_tokens
from kvsplice_core.data.tensors import Entry, array_file, tensor_file

SIZES = {"layer": 2, "batch": 3, "head": 4, "token": 5, "dim": 6}


def file_of(*names, shape=(20, 4)):
    return tensor_file("x", [Entry(name, shape, "float32") for name in names], np.zeros)


@pytest.mark.parametrize(
    ("names", "wish", "expected"),
    [
        (["layer5.v", "layer15.v"], {}, ("layer5.v", 5)),
        (["layer5.v", "layer15.v"], {"layer": 15}, ("layer15.v", 15)),
        (["layer5.v", "layer15.v"], {"tensor": "layer15.v"}, ("layer15.v", 15)),
        (["layer0.k", "layer0.v"], {}, ("layer0.v", 0)),
        (["layer0.k", "layer0.v"], {"layer": 0}, ("layer0.v", 0)),
        (["layer0.k", "layer0.v"], {"tensor": "layer0.k"}, ("layer0.k", 0)),
        (["layer0.k", "layer1.k", "layer1.v"], {}, ("layer1.v", 1)),
        (["layer0.k", "layer1.k", "layer1.v"], {"layer": 0}, ("layer0.k", 0)),
        (["layer0.k", "layer1.k"], {}, ("layer0.k", 0)),
        (["mean", "layer2.v"], {}, ("layer2.v", 2)),
        (["array"], {}, ("array", None)),
    ],
)
def test_which_tensor(names, wish, expected):
    picked = pick(file_of(*names), **wish)
    assert (picked.info.name, picked.layer) == expected


@pytest.mark.parametrize(
    ("names", "wish", "words"),
    [
        (["layer5.v", "layer15.v"], {"layer": 3}, "layer must be one of 5, 15; got 3"),
        (["array"], {"layer": 3}, "no tensor tells its layer; got 3"),
        (["a", "b"], {}, "a tensor must be chosen from a, b"),
        (["layer1.a", "layer1.b"], {"layer": 1}, "chosen from layer1.a, layer1.b"),
        (["a", "b"], {"tensor": "c"}, "tensor must be one of a, b; got 'c'"),
        (["layer5.v", "layer15.v"], {"tensor": "layer5.v", "layer": 15}, "one of 5; got 15"),
        (["array"], {"head": 0}, "needs a head axis; got head 0 and axes token dim"),
        (["array"], {"axes": "token head dim"}, r"2 axes of shape \(20, 4\); got 3"),
        (["array"], {"head": 1, "pool_heads": True}, "either a head .* got head 1 and both"),
    ],
)
def test_wishes_that_fit_nothing(names, wish, words):
    with pytest.raises(SpecError, match=words):
        pick(file_of(*names), **wish)


def test_the_layer_axis_is_indexed():
    file = file_of("v", shape=(3, 1, 2, 20, 4))
    assert pick(file).layer == 0
    assert pick(file, layer=2).layer == 2
    with pytest.raises(SpecError, match="layer must be one of 0, 1, 2; got 3"):
        pick(file, layer=3)


def test_heads():
    file = file_of("v", shape=(20, 3, 4))
    assert pick(file).head == 0
    assert pick(file, head=2).head == 2
    assert pick(file, pool_heads=True).head is None
    assert pick(file, pool_heads=True).pooled_heads == 3
    assert pick(file_of("v"), pool_heads=True).pooled_heads == 1
    for head in (-1, 3):
        with pytest.raises(SpecError, match=rf"head must lie in 0 … 2; got {head}"):
            pick(file, head=head)


def test_stated_axes_choose_among_tensors_of_their_number():
    entries = [Entry("a", (20, 4), "float32"), Entry("b", (20, 3, 4), "float32")]
    picked = pick(tensor_file("x", entries, np.zeros), axes="head token dim")
    assert picked.info.name == "b"
    assert picked.info.heads == 20


@st.composite
def layouts(draw):
    extra = draw(st.lists(st.sampled_from(["layer", "batch", "head"]), unique=True))
    return (*draw(st.permutations([*extra, "token"])), "dim")


@given(
    layouts(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1),
    st.integers(0, 3),
    st.data(),
)
def test_every_layout_gives_the_same_rows(names, pool, as_torch, layer, head, data):
    """Each number codes where it stands, so that every row can be told."""
    full = np.arange(np.prod(list(SIZES.values())), dtype=np.float64).reshape(*SIZES.values())
    fixed = tuple(slice(None) if name in names else 0 for name in SIZES)
    present = [name for name in SIZES if name in names]
    stored = full[fixed].transpose([present.index(name) for name in names])
    source = torch.from_numpy(np.array(stored)) if as_torch else stored
    file = array_file("array", source)
    picked = pick(
        file,
        axes=names,
        layer=layer if "layer" in names else None,
        head=head if "head" in names and not pool else None,
        pool_heads=pool,
    )
    view = arrange(file.read("array"), picked)
    batches = SIZES["batch"] if "batch" in names else 1
    heads = range(SIZES["head"]) if pool else [head]
    heads = heads if "head" in names else [0]
    tokens = data.draw(
        st.sets(st.integers(0, batches * SIZES["token"] - 1), min_size=1).map(sorted)
    )
    rows = gather(view, np.array(tokens))
    at_layer = full[layer if "layer" in names else 0]
    expected = [at_layer[t // SIZES["token"], h, t % SIZES["token"]] for t in tokens for h in heads]
    np.testing.assert_array_equal(rows.numpy(), np.array(expected, np.float32))
    assert rows.is_contiguous()
    assert rows.dtype == torch.float32


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 99))
def test_sampled_tokens_are_in_order_without_repeats(available, wanted, seed):
    tokens = sample_tokens(available, wanted, seed)
    assert len(tokens) == min(available, wanted)
    assert (np.diff(tokens) > 0).all()
    assert tokens[0] >= 0
    assert tokens[-1] < available
    np.testing.assert_array_equal(tokens, sample_tokens(available, wanted, seed))


def test_every_token_is_drawn_equally_often():
    counts = np.zeros(20)
    for seed in range(2000):
        counts[sample_tokens(20, 5, seed)] += 1
    # Binomial: 500 expected, standard deviation 19.4.
    assert np.abs(counts - 500).max() < 100
