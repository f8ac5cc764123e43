"""Every codec is measured at every budget it fits, and fitted at any."""

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.vectors import load_values
from kvsplice_core.fit.frontier import one_layer
from kvsplice_core.fit.layers import QUANTIZED_BITS, Fitter
from kvsplice_core.tasks.training import CalibrationSpec

CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu")


def fitter(words, tokens=131_072, heads=2, dim=8):
    generator = torch.Generator().manual_seed(0)
    scales = torch.linspace(2, 0.1, heads * dim).reshape(heads, dim)
    rows = torch.randn(600, heads, dim, generator=generator) * scales
    values = load_values(rows, axes="token head dim", pool_heads=True)
    return Fitter(one_layer(values), Pipeline.of(words), CALIBRATION, tokens)


@pytest.mark.parametrize(
    ("words", "codecs"), [("lloyd-max", 2), ("joined+lloyd-max", 1), ("pooled+rounding", 1)]
)
def test_codecs_and_the_numbers_they_code(words, codecs):
    one = fitter(words)
    ((place),) = one.layers
    assert len(one.keys(place)) == codecs
    assert one.values(place) * codecs == 16


def test_errors_fall_with_the_bits():
    one = fitter("joined+lloyd-max")
    ((place),) = one.layers
    shares = []
    work = one.offers()
    try:
        while True:
            shares.append(next(work))
    except StopIteration as end:
        (offers,) = end.value.values()
    assert shares == sorted(shares)
    assert offers[-1].asked == QUANTIZED_BITS[-1]
    errors = [offer.error for offer in offers]
    assert errors == sorted(errors, reverse=True)
    assert all(offer.bits == offer.asked for offer in offers)
    assert place == ("v", 0)


def test_sixteen_bit_pipelines_offer_every_k_with_their_own_bytes_on_top():
    (offers,) = run(fitter("joined", tokens=1_000).offers()).values()
    assert [offer.asked for offer in offers] == [float(k) for k in range(1, 17)]
    assert all(offer.bits > offer.asked for offer in offers)


def test_a_budget_too_small_is_no_offer():
    few, many = (run(fitter("joined+lloyd-max", n).offers()) for n in (300, 10**9))
    least_few, least_many = (next(iter(found.values()))[0].asked for found in (few, many))
    assert least_few > least_many


def test_no_budget_at_all_is_refused():
    with pytest.raises(SpecError, match="bits per value for itself"):
        run(fitter("joined+lloyd-max", tokens=1).offers())


def test_what_is_remembered_changes_no_fit():
    remembered, fresh = fitter("lloyd-max"), fitter("lloyd-max")
    run(remembered.offers())
    ((place),) = fresh.layers
    asked = dict(zip(fresh.keys(place), (4.0, 5.3), strict=True))
    ours, theirs = (run(one.fit(asked))[place] for one in (remembered, fresh))
    assert (ours.errors == theirs.errors).all()
    assert [group.counted for group in ours.groups] == [group.counted for group in theirs.groups]
    assert all(g.counted.total <= b for g, b in zip(ours.groups, (4.0, 5.3), strict=True))
