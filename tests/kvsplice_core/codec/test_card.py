"""A card, and the codecs an audit makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.codec.card import Card, HeadScore, exact_codec, full_rank, random_basis, rank_one
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.provenance import Provenance
from tests.kvsplice_core.codec.test_heads import DIM, HEADS, codec
from tests.kvsplice_core.makers import bent_rows, per_head
from tests.language_models import pca_card, tiny_gpt2

FACTS = ModelFacts("tiny", "ab" * 32, layers=2, kv_heads=HEADS, head_dim=DIM)
ROWS = bent_rows(200, DIM)


def layer_of(method: Method, k: int = 3) -> HeadCodecs:
    return per_head([codec(method, k, i) for i in range(HEADS)])


def make_card(method: Method = Method.PCA, k: int = 3, **changes) -> Card:
    card = Card(FACTS, values={i: layer_of(method, k) for i in range(2)},
                provenance=Provenance(training={"method": method.key}))  # fmt: skip
    return replace(card, **changes)


def mse(one: Codec, rows: torch.Tensor = ROWS) -> float:
    return float((one.reconstruct(rows) - rows).square().mean())


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("k", [1, 3, DIM])
def test_full_rank_gives_back_what_it_gets(method, k):
    whole = full_rank(codec(method, k))
    assert whole.k == DIM
    torch.testing.assert_close(whole.reconstruct(ROWS), ROWS, rtol=1e-3, atol=1e-3)


def test_full_rank_keeps_the_transform():
    one = codec(Method.SPLINE, 3)
    assert full_rank(one).transform is one.transform


@pytest.mark.parametrize("k", [2, 4, DIM])
def test_rank_one_is_the_first_axis_of_pca(k):
    one = rank_one(codec(Method.PCA, k))
    assert one.k == 1
    assert mse(one) == pytest.approx(mse(codec(Method.PCA, 1)))


@pytest.mark.parametrize("method", list(Method))
def test_a_random_basis_is_worse_and_seeded(method):
    good = codec(method, 2)
    bad = random_basis(good)
    assert mse(bad) > 2 * mse(good)
    axes = bad.projection.encoder
    torch.testing.assert_close(axes.T @ axes, torch.eye(2), rtol=0, atol=1e-5)
    assert torch.equal(axes, random_basis(good).projection.encoder)
    assert not torch.equal(axes, random_basis(good, seed=1).projection.encoder)


def test_a_random_basis_of_everything_keeps_half():
    assert random_basis(codec(Method.PCA, DIM)).k == DIM // 2


def test_the_exact_codec_changes_no_bit():
    assert torch.equal(exact_codec(DIM).reconstruct(ROWS), ROWS)


def test_replacing_codecs_drops_scores_and_proofs():
    score = HeadScore("v", 0, 0, "pca", "pca", 3, 0.1, 0.1)
    card = make_card(scores=(score,), proofs=({"nll": 1.0},))
    changed = card.replace_codecs(full_rank)
    assert changed.scores == changed.proofs == ()
    assert changed.values[1].ks == (DIM,) * HEADS
    assert card.values[1].ks == (3,) * HEADS


def test_one_head_alone():
    card = make_card(keys={0: layer_of(Method.PCA)}).only(0, 2)
    assert (card.values.keys(), card.keys.keys()) == ({0}, {0})
    assert card.values[0].ks == (DIM, DIM, 3)
    x = bent_rows(HEADS * 5, DIM).view(1, HEADS, 5, DIM)
    restored = card.values[0].reconstruct(x)
    torch.testing.assert_close(restored[:, :2], x[:, :2])
    assert (restored[:, 2] - x[:, 2]).abs().max() > 1e-3


def test_one_side_of_one_head_alone():
    card = make_card(keys={0: layer_of(Method.PCA)})
    value, key = card.only(0, 2, "v"), card.only(0, 2, "k")
    assert (value.values[0].ks, dict(value.keys)) == ((DIM, DIM, 3), {})
    assert (key.keys[0].ks, dict(key.values)) == ((DIM, DIM, 3), {})
    with pytest.raises(SpecError, match="at least one layer"):
        make_card().only(0, 2, "k")


def test_titles():
    assert make_card().title == "PCA k = 3, V"
    both = make_card(Method.SPLINE, keys={0: layer_of(Method.PCA, 5)})
    assert both.title == "Spline→PCA k = 3 … 5, V and K (PCA kept in 3 of 9 codecs)"
    assert make_card(values={}, keys={0: layer_of(Method.PCA)}).title == "PCA k = 3, K"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"values": {}}, "must compress V or K"),
        ({"values": {2: layer_of(Method.PCA)}}, "must lie in 0 … 1; got 2"),
        ({"keys": {-1: layer_of(Method.PCA)}}, "must lie in 0 … 1; got -1"),
        ({"model": replace(FACTS, kv_heads=4)}, "for 4 heads of 6; got 3 of 6"),
        ({"model": replace(FACTS, head_dim=8)}, "for 3 heads of 8; got 3 of 6"),
    ],
)
def test_what_does_not_fit_its_model_is_refused(changes, words):
    with pytest.raises(SpecError, match=words):
        make_card(**changes)


def test_the_title_says_how_many_codecs_fell_back_to_pca():
    card = pca_card(tiny_gpt2(), 4)
    assert card.title == "PCA k = 4, V"
    asked = replace(card, provenance=Provenance(training={"method": Method.SPLINE.key}))
    assert asked.title == "Spline→PCA k = 4, V (PCA kept in 8 of 8 codecs)"
