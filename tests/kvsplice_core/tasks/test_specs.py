"""Impossible evaluations are refused by name."""

import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.curve import CurveSpec
from kvsplice_core.tasks.evaluate import EvalSpec


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "loose"},
        {"window": 0},
        {"tokens": 1},
        {"context": 1},
        {"seed": -1},
        {"tensor_tokens": 0},
        {"continuation_tokens": -1},
    ],
)
def test_an_impossible_evaluation_is_refused(wrong):
    with pytest.raises(SpecError, match="got"):
        EvalSpec(**wrong)


def test_a_curve_always_has_pca_and_begins_at_the_wished_k():
    spec = CurveSpec(methods=(Method.FLOW,), ks=(32, 8, 16, 8), first_k=16)
    assert spec.methods == (Method.PCA, Method.FLOW)
    assert spec.ordered_ks == (16, 8, 32)
