"""A frontier through the cache: every point scored, audited, and compared at equal bits."""

from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.proof.frontier import model_frontier, model_layers
from kvsplice_core.tasks.budgets import Budgets
from kvsplice_core.tasks.comparison import ComparisonSpec
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.frontier import FrontierSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.proof.fakes import never_read, plant
from tests.language_models import some_documents, tiny_gpt2, tiny_llama

EVALUATION = EvalSpec(tokens=200, tensor_tokens=100, continuation_tokens=0)
SPEC = FrontierSpec(
    tuple(map(Pipeline.of, ("joined", "joined+output", "joined+lloyd-max"))),
    (4.0, 6.0),
    CalibrationSpec(recipe=Recipe.ORIGIN, epochs=1, device="cpu"),
    counted_tokens=10_000_000,
)


def measured(language, captures, spec=SPEC, on_step=None, **options):
    work = model_frontier(
        language, captures[language.name], some_documents(2, 300), spec, EVALUATION, **options
    )
    return run(work, on_step)


@pytest.fixture(scope="module")
def result(captures):
    return measured(tiny_gpt2(), captures)


def test_every_point_is_measured_through_the_cache_and_audited(result):
    assert result.is_valid
    assert result.of_model
    assert {p.pipeline.key for p in result.points} == {
        "pca", "rounding", "joined", "joined+output", "joined+lloyd-max",
    }  # fmt: skip
    for point in result.points:
        assert point.quality is not None
        assert point.weighted_mse > 0
        assert point.output_error > 0
    audited = {control.claim.split(" at ")[0] for control in result.audit}
    assert audited == {point.pipeline.label for point in result.points}
    assert result.scored_tokens > 0


def test_points_are_compared_with_their_reference_on_the_same_text(result):
    for point in result.points:
        assert (point.against is None) == (point.reference is None)
        if point.reference is not None:
            (reference, *_) = (
                p for p in result.of(point.reference)
                if p.bits == pytest.approx(point.reference_bits, abs=1e-9)
            )  # fmt: skip
            for name, own in (("nll", "delta_nll"), ("kl", "kl")):
                gap = getattr(point.quality, name).value - getattr(reference.quality, name).value
                assert getattr(point.against, own).value == pytest.approx(gap, abs=1e-9)


@pytest.mark.slow
def test_the_model_reads_the_reference_at_the_bits_that_errors_are_compared_at(captures):
    spec = replace(SPEC, pipelines=(Pipeline.of("joined+int4"),), bits=(6.0,))
    found = measured(tiny_gpt2(), captures, spec)
    point = found.point(Pipeline.of("joined+int4"), 6.0)
    asked = found.point(point.reference, 6.0)
    assert point.reference_bits < asked.bits  # int4 leaves much of its budget
    alone = replace(spec, pipelines=(point.reference,), bits=(point.reference_bits + 1e-6,))
    (plain,) = measured(tiny_gpt2(), captures, alone).points
    assert plain.bits == pytest.approx(point.reference_bits)
    gap = point.quality.kl.value - plain.quality.kl.value
    assert point.against.kl.value == pytest.approx(gap, abs=1e-9)


def test_at_k_the_model_reads_pca_of_each_head_at_the_same_k_beside_each(captures):
    spec = ComparisonSpec((Pipeline.of("joined"),), Budgets.of("k=6"), SPEC.calibration)
    found = measured(tiny_gpt2(), captures, spec)
    assert found.is_valid
    plain, joined = found.points
    assert (plain.pipeline, plain.k, joined.reference) == (Pipeline(), 6, plain.pipeline)
    for name, own in (("nll", "delta_nll"), ("kl", "kl")):
        gap = getattr(joined.quality, name).value - getattr(plain.quality, name).value
        assert getattr(joined.against, own).value == pytest.approx(gap, abs=1e-9)
    assert all(row.weighted_mse > 0 and row.output_error > 0 for row in found.points)


@pytest.mark.slow
def test_axes_of_the_output_projection_lose_less_behind_it(captures):
    language = tiny_gpt2()
    layers = model_layers(language, captures[language.name])
    for layer in layers.values():
        assert layer.output.shape == (layer.heads, 16, 64)
    gpt2 = measured(language, captures)
    for bits in (4.0, 6.0):
        plain, seen = (gpt2.point(Pipeline.of(key), bits) for key in ("joined", "joined+output"))
        assert seen.nmse >= plain.nmse * (1 - 1e-6)


def test_query_heads_that_share_a_head_stand_beside_each_other(captures):
    language = tiny_llama()
    layers = model_layers(language, captures[language.name])
    first = layers["v", 0]
    shared = language.model.config.num_attention_heads // first.heads
    hidden = language.model.config.hidden_size
    assert first.output.shape == (first.heads, language.shape.head_dim, shared * hidden)
    weight = language.model.model.layers[0].self_attn.o_proj.weight.T
    dim = language.shape.head_dim
    torch.testing.assert_close(first.output[0, :, :hidden], weight[:dim])


def test_keys_go_through_the_same_pipelines(captures):
    spec = replace(SPEC, pipelines=(Pipeline.of("joined+lloyd-max"),), bits=(6.0,))
    found = measured(tiny_llama(), captures, spec, side="k")
    assert found.is_valid
    assert "K of" in found.title


def test_a_cache_that_is_never_read_makes_no_result(captures, monkeypatch):
    plant(monkeypatch, never_read)
    spec = replace(SPEC, pipelines=(Pipeline.of("joined+lloyd-max"),), bits=(6.0,))
    assert not measured(tiny_gpt2(), captures, spec).is_valid


def test_progress_rises_and_every_point_is_told(captures):
    steps = []
    spec = replace(SPEC, pipelines=(Pipeline.of("joined"),), bits=(4.0,))
    measured(tiny_gpt2(), captures, spec, steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert sum(step.found is not None for step in steps) == 2


def test_a_capture_of_another_model_is_refused(captures):
    other = captures["tiny-llama"]
    with pytest.raises(LanguageModelError, match="fits only the weights"):
        run(model_frontier(tiny_gpt2(), other, some_documents(1, 300), SPEC, EVALUATION))


def test_a_side_must_be_v_or_k(captures):
    with pytest.raises(SpecError, match="of v or of k"):
        measured(tiny_gpt2(), captures, side="both")
