"""A flow mixes halves of the dimensions and comes back."""

import pytest
import torch

from kvsplice_core import CalibrationSpec
from kvsplice_core.base.errors import CodecFileError
from kvsplice_core.codec.kinds import Method, Recipe
from kvsplice_core.codec.transforms.flow import KIND
from tests.kvsplice_core.makers import bent_rows, learner_of, transform_of


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_each_coupling_names_every_dimension_once(dim):
    flow = transform_of(Method.FLOW, bent_rows(60, dim))
    for coupling in flow.couplings:
        both = torch.cat([coupling.kept, coupling.moved])
        assert both.sort().values.tolist() == list(range(dim))


def test_a_coupling_leaves_its_kept_half_alone():
    rows = bent_rows(60, 5)
    coupling = transform_of(Method.FLOW, rows, 0.3).couplings[0]
    out = coupling.forward(rows)
    assert torch.equal(out[:, coupling.kept], rows[:, coupling.kept])
    assert not torch.allclose(out[:, coupling.moved], rows[:, coupling.moved])


def test_no_coupling_scales_by_more_than_e():
    rows = bent_rows(60, 4).double()
    flow = transform_of(Method.FLOW, rows, 5.0)
    coupling = flow.couplings[0]
    moved = rows.clone()
    moved[:, coupling.moved] += 1
    ratio = (coupling.forward(moved) - coupling.forward(rows))[:, coupling.moved]
    assert float(ratio.max()) <= 2.7183
    assert float(ratio.min()) >= 0.3678


def test_joint_serves_vectors_of_any_scale_alike():
    rows = bent_rows(200, 4)
    small = transform_of(Method.FLOW, rows, 0.2)
    large = transform_of(Method.FLOW, rows * 1000, 0.2)
    torch.testing.assert_close(
        large.forward(rows * 1000), small.forward(rows) * 1000, rtol=1e-4, atol=1e-2
    )


def test_origin_takes_vectors_as_they_are():
    flow = transform_of(Method.FLOW, bent_rows(200, 4) * 10, recipe=Recipe.ORIGIN)
    assert float(flow.unit) == 1.0


def test_the_penalty_is_that_of_the_published_recipe():
    rows = bent_rows(200, 4)
    learner = learner_of(Method.FLOW, rows, recipe=Recipe.ORIGIN)
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    expected = 1e-4 * (z.mean(0) ** 2 + (z.var(0) - 1) ** 2).mean()
    torch.testing.assert_close(learner.regulariser(z), expected)


def test_the_seed_decides_the_start():
    rows = bent_rows(60, 4)

    def start(seed):
        generator = torch.Generator().manual_seed(seed)
        return KIND.start(rows, CalibrationSpec(method=Method.FLOW).transform, generator, None)

    first, again, other = (start(seed).parameters()[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def stored(**changes):
    return dict(transform_of(Method.FLOW, bent_rows(60, 4), 0.1).tensors()) | changes


@pytest.mark.parametrize(
    "tensors",
    [
        stored(**{"0.kept": torch.tensor([0, 0])}),
        stored(**{"1.moved": torch.tensor([0, 9])}),
        stored(**{"2.w1": torch.zeros(128, 3)}),
        stored(**{"2.b3": torch.zeros(3)}),
        stored(unit=torch.zeros(())),
        stored(unit=torch.ones(3)),
        {"unit": torch.ones(())},
        stored(**{"0.kept": torch.tensor([0.0, 1.0])}),
    ],
    ids=["twice", "outside", "layer", "bias", "unit 0", "unit shape", "none", "float halves"],
)
def test_weights_that_are_no_flow_are_refused(tensors):
    with pytest.raises(CodecFileError):
        KIND.restore(tensors, 4)
