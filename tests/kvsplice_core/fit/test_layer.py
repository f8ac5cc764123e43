"""The heads of a layer, grouped: the same tokens, the same counting, one table of codecs."""

import numpy as np
import pytest
import torch

from kvsplice_core import run
from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.grouping import Grouping
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.fit.calibrate import split_parts
from kvsplice_core.fit.layer import LayerValues, fit_layer, joined_variances
from kvsplice_core.tasks.budgets import Budget
from tests.kvsplice_core.fit.makers import CALIBRATION, DIM, HEADS, MANY, layer_values

GROUPINGS = ("each", "pooled", "joined", "blocks:2")
LAYER = layer_values()


def fitted(text, bits=4.0, layer=LAYER):
    return run(fit_layer(layer, Pipeline.of(text), Budget(bits, MANY), CALIBRATION))


def by_token(layer, rows=None):
    """Return (tokens, heads, d)."""
    return (layer.values.rows if rows is None else rows).view(-1, HEADS, DIM)


@pytest.mark.parametrize("text", GROUPINGS)
def test_every_number_stands_in_one_group(text):
    grouping = Grouping.of(text)
    groups = [LAYER.group(grouping, g) for g in range(grouping.codecs(HEADS))]
    assert sum(group.rows.numel() for group in groups) == LAYER.values.rows.numel()
    tokens = len(LAYER.values.rows) // HEADS
    side_by_side = torch.cat([group.rows.view(tokens, -1) for group in groups], dim=1)
    assert torch.equal(side_by_side, LAYER.values.rows.view(tokens, -1))
    for group in groups:
        cuts = [cut // group.rows_per_token for cut in group.boundaries]
        assert cuts == [tokens // 3, 2 * tokens // 3]
        assert group.rows.shape[1] == group.summary.dim


@pytest.mark.parametrize("text", ["pca", "lloyd-max", "quadratic"])
def test_all_groupings_are_measured_on_the_same_test_tokens(text):
    fits = [fitted(f"{grouping}+{text}") for grouping in GROUPINGS]
    tokens = {len(fit.errors) for fit in fits}
    assert len(tokens) == 1
    for fit, grouping in zip(fits, GROUPINGS, strict=True):
        if grouping != "pooled":  # there the heads share one mean
            np.testing.assert_allclose(fit.spread, fits[0].spread, rtol=1e-4)


@pytest.mark.parametrize("grouping", GROUPINGS)
@pytest.mark.parametrize("text", ["pca", "lloyd-max", "quadratic"])
def test_the_codecs_of_a_layer_make_the_errors_it_reports(grouping, text):
    fit = fitted(f"{grouping}+{text}")
    assert (fit.codecs.heads, fit.codecs.dim) == (HEADS, DIM)
    test = by_token(LAYER)[-len(fit.errors) :].transpose(0, 1)[None]
    kept = fit.codecs.encode(test)
    kept = kept.half().float() if kept.is_floating_point() else kept  # as they are counted
    missed = (fit.codecs.decode(kept, torch.float32) - test)[0].double().square().sum((0, 2))
    np.testing.assert_allclose(fit.errors, missed.numpy(), rtol=1e-4)
    assert fit.nmse == pytest.approx(float(missed.sum()) / fit.spread.sum(), rel=1e-4)
    assert fit.replaced == sum(group.replaced_by is not None for group in fit.groups)


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_what_a_layer_stores_is_what_was_counted(grouping):
    fit = fitted(f"{grouping}+lloyd-max", 5.0)
    assert fit.counted.total <= 5
    stored = 8 * fit.codecs.bytes_per_token(2)
    assert fit.counted.vector_bits == pytest.approx(stored / (HEADS * DIM))
    side = 8 * fit.codecs.packed("cpu").nbytes() / (MANY * HEADS * DIM)
    assert fit.counted.side_bits == pytest.approx(side)


def test_heads_joined_are_no_worse_than_heads_alone_at_equal_k():
    assert fitted("joined+pca").errors.sum() < fitted("each+pca").errors.sum()


def test_each_group_may_have_a_budget_of_its_own():
    budgets = [Budget(bits, MANY) for bits in (2.0, 4.0, 6.0, 8.0)]
    fit = run(fit_layer(LAYER, Pipeline.of("pca"), budgets, CALIBRATION))
    assert fit.codecs.ks == (1, 2, 3, 4)
    assert fit.counted.vector_bits == pytest.approx(5)


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_w_o_of_a_group_is_that_of_its_heads(grouping):
    pipeline = Pipeline.of(f"{grouping}+output")
    for group in range(pipeline.grouping.codecs(HEADS)):
        seen = LAYER.seen_by(pipeline, group)
        x = by_token(LAYER)[:5]
        span = pipeline.grouping.span(HEADS)
        heads = range(HEADS) if grouping == "pooled" else range(group * span, (group + 1) * span)
        if grouping == "pooled":
            expected = torch.cat([x[:, 0] @ LAYER.output[head] for head in heads], dim=1)
            torch.testing.assert_close(x[:, 0] @ seen, expected)
        else:
            expected = sum(x[:, head] @ LAYER.output[head] for head in heads)
            ours = torch.cat([x[:, head] for head in heads], dim=1) @ seen
            torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    assert LAYER.seen_by(Pipeline.of(grouping), 0) is None


def test_in_the_axes_of_w_o_a_layer_loses_less_behind_it():
    train = by_token(LAYER)[:400].transpose(0, 1)[None]

    def missed(text):
        rest = (fitted(text, 2.0).codecs.reconstruct(train) - train)[0]
        return float(torch.einsum("htd,hdo->to", rest, LAYER.output).square().sum())

    assert missed("joined+output") < missed("joined+pca")


def test_w_o_that_is_not_known_is_asked_for():
    blind = LayerValues(LAYER.values)
    with pytest.raises(SpecError, match="axes of W_O · PCA needs the model the vectors are of"):
        fitted("output", layer=blind)


def test_heads_that_cannot_be_cut_so_are_refused():
    with pytest.raises(SpecError, match="4 heads cannot be cut into blocks of 3"):
        fitted("blocks:3")


def test_the_bound_is_that_of_the_test_part_joined():
    variances = joined_variances(LAYER, CALIBRATION)
    test = split_parts(LAYER.group(Grouping.of("joined"), 0), CALIBRATION).test
    assert variances.shape == (HEADS * DIM,)
    assert float(variances.sum()) == pytest.approx(float(test.double().var(0).sum()), rel=1e-5)
