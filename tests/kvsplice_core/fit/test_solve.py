"""A layer's bits are shared by its codecs' errors."""

import pytest
import torch

from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.data.vectors import load_values
from kvsplice_core.fit.solve import solve_layer
from kvsplice_core.tasks.allot import mean_of
from kvsplice_core.tasks.training import CalibrationSpec

CALIBRATION = CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu")


def solved(words="companded", bits=4.0):
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([4.0, 1.0])[:, None]  # the first head errs 16 times as much
    rows = torch.randn(800, 2, 16, generator=generator) * scales
    values = load_values(rows, axes="token head dim", pool_heads=True)
    return run(solve_layer(values, Pipeline.of(words), bits, CALIBRATION))


def test_the_louder_head_gets_more_and_the_layer_errs_less():
    solution = solved()
    loud, quiet = solution.asked
    # 16 times the variance is 12 dB: two bits at 6 dB each
    assert 1.0 < loud - quiet < 3.0
    assert solution.change.verdict is Verdict.GAIN
    assert mean_of(solution.units, solution.asked) == pytest.approx(4.0)
    assert solution.fit.counted.total <= 4.0


def test_one_codec_gets_it_all():
    solution = solved("joined+companded")
    assert solution.asked == (4.0,)
    assert (solution.fit.errors == solution.even.errors).all()


@pytest.mark.parametrize(
    ("words", "bits", "refusal"),
    [("companded", 0.5, "at least"), ("output+companded", 4.0, "needs the model")],
)
def test_what_cannot_be_solved_is_refused(words, bits, refusal):
    with pytest.raises(SpecError, match=refusal):
        solved(words, bits)
