"""A frontier: points in order, every one compared, what does not fit left out in one sentence."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from kvsplice_core import run
from kvsplice_core.base.errors import SpecError
from kvsplice_core.base.estimates import Verdict
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.fit.frontier import frontier
from kvsplice_core.fit.group import WHOLE_BYTES
from kvsplice_core.tasks.budgets import Budgets
from kvsplice_core.tasks.comparison import ComparisonSpec, reference_of
from kvsplice_core.tasks.frontier import FrontierSpec
from tests.kvsplice_core.fit.makers import CALIBRATION, DIM, HEADS, MANY, layer_values

LAYERS = {("v", 0): layer_values(tokens=300), ("k", 1): layer_values(seed=5, tokens=300)}
TEXTS = ("joined+lloyd-max", "quadratic", "joined", "spline")
SPEC = FrontierSpec(
    tuple(map(Pipeline.of, TEXTS)), (4.0, 2.0, 6.0, 2.0), CALIBRATION, MANY, surrogate=True
)


def measured(spec=SPEC, layers=LAYERS, on_step=None):
    return run(frontier(layers, spec, "some vectors", "test"), on_step)


@cache
def steps_and_result():
    steps = []
    result = measured(on_step=steps.append)
    return steps, result


@pytest.mark.slow
def test_references_come_first_and_points_are_in_order():
    _, result = steps_and_result()
    order = [one.key for one in SPEC.ordered_pipelines]
    assert order == ["rounding", "pca", *TEXTS]
    places = [(order.index(point.pipeline.key), point.asked_bits) for point in result.points]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert tuple(sorted({p.asked_bits for p in result.points})) == SPEC.bits == (2.0, 4.0, 6.0)


def test_every_point_is_there_or_left_out_in_one_sentence():
    _, result = steps_and_result()
    asked = {(one, bits) for one in SPEC.ordered_pipelines for bits in SPEC.bits}
    found = {(point.pipeline, point.asked_bits) for point in result.points}
    names = {f"{one.label} at {bits:g} bits" for one, bits in asked - found}
    assert {sentence.split(": ")[0] for sentence in result.left_out} == names
    assert len(result.left_out) == len(names)
    assert not any("\n" in sentence for sentence in result.left_out)
    # 8 numbers of 2 bits with a minimum and a step are 6 bits a value.
    rounding = Pipeline.of("rounding")
    assert [point.asked_bits for point in result.of(rounding)] == [6.0]


def test_points_are_found_counted_and_compared_with_their_reference():
    _, result = steps_and_result()
    for point in result.points:
        assert result.point(point.pipeline, point.asked_bits) is point
        assert point.nmse > 0
        assert point.vector_bits <= point.asked_bits
        if not point.pipeline.keeps_numbers:
            assert point.bits <= point.asked_bits
            assert point.k is None
        reference = reference_of(point.pipeline)
        if point.pipeline == reference:
            assert point.reference is point.change is None
        if point.reference is None:
            continue
        assert point.reference == reference
        # At equal bytes: nothing is compared with what takes more, but for whole bytes.
        slack = WHOLE_BYTES if point.pipeline.fills_budget else 1
        assert point.reference_bits <= slack * point.bits + 1e-9
        assert point.change.low <= point.change.percent <= point.change.high


def test_on_the_gaussian_surrogate_no_spline_gains():
    _, result = steps_and_result()
    for point in result.of(Pipeline.of("spline")):
        assert point.surrogate.verdict is not Verdict.GAIN or point.surrogate.percent > -0.1
    assert all(point.surrogate is None for point in measured(replace(SPEC, surrogate=False)).points)


def test_the_bound_falls_and_no_linear_point_lies_below_it():
    _, result = steps_and_result()
    bits, least = zip(*result.bound, strict=True)
    assert list(bits) == sorted(bits)
    assert list(least) == sorted(least, reverse=True)
    assert all(0 < one < 1 for one in least)
    for text in ("pca", "joined", "rounding"):
        assert all(point.gap_db > 0 for point in result.of(Pipeline.of(text)))


def test_more_bits_never_cost_error_of_pca():
    _, result = steps_and_result()
    for text in ("pca", "joined"):
        errors = [point.nmse for point in result.of(Pipeline.of(text))]
        assert errors == sorted(errors, reverse=True)


def test_progress_rises_and_tells_every_point_as_it_comes():
    steps, result = steps_and_result()
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    told = [step.found.points for step in steps if step.found is not None]
    assert [len(points) for points in told] == list(range(1, len(result.points) + 1))
    assert all(set(few) < set(more) for few, more in pairwise(told))
    assert told[-1] == result.points


def test_cancelled_it_leaves_what_it_had_measured():
    work = frontier(LAYERS, SPEC, "some vectors", "test")
    so_far = next(step.found for step in work if step.found is not None)
    work.close()
    assert len(so_far.points) == 1
    assert so_far.test_tokens > 0
    assert not so_far.of_model
    assert so_far.is_valid


def test_twice_measured_is_the_same():
    spec = FrontierSpec(SPEC.pipelines[:2], (4.0,), CALIBRATION, MANY)
    assert measured(spec).points == measured(spec).points


def test_no_budget_that_fits_is_refused():
    spec = FrontierSpec((Pipeline.of("pca"),), (0.5,), CALIBRATION)
    with pytest.raises(
        SpecError, match=r"a comparison needs a budget one pipeline fits: PCA at 0\.5"
    ):
        measured(spec)


def test_at_k_all_are_compared_with_pca_of_each_head_at_the_same_k():
    texts = ("joined", "pooled+lloyd-max", "spline")
    asked = tuple(map(Pipeline.of, texts))
    spec = ComparisonSpec(asked, Budgets.of("k=4,2"), CALIBRATION, MANY)
    result = measured(spec)
    assert {(p.pipeline.key, p.asked_k) for p in result.points} == {
        (text, k) for text in ("pca", *texts) for k in (2, 4)
    }
    pca = {point.asked_k: point for point in result.of(Pipeline())}
    for point in result.points:
        plain = pca[point.asked_k]
        assert point.asked_bits == 16 * point.asked_k / DIM
        if point is plain:
            assert point.k == point.asked_k
            assert point.reference is point.change is None
            continue
        assert point.reference == plain.pipeline
        assert point.reference_bits == plain.bits
        assert point.change.percent == pytest.approx(100 * (point.mse / plain.mse - 1))
    # Joined heads share what each of them may keep, and quantized ones get the bytes.
    assert [point.k for point in result.of(asked[0])] == [HEADS * 2, HEADS * 4]
    assert all(point.bits <= point.asked_bits for point in result.of(asked[1]))
    assert all(point.k is None for point in result.of(asked[1]))


def test_a_row_says_its_mse_and_what_was_kept():
    _, result = steps_and_result()
    for point in result.points:
        first = result.points[0]
        assert point.mse / first.mse == pytest.approx(point.nmse / first.nmse)
        assert (point.kept == (point.pipeline,)) == (point.replaced == 0)


def test_a_k_beyond_the_vectors_is_refused():
    spec = ComparisonSpec((Pipeline(),), Budgets.of("k=2,9"), CALIBRATION)
    with pytest.raises(SpecError, match="k must lie between 1 and the dimension 8; got 9"):
        measured(spec)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pipelines": ()}, "at least one pipeline and one budget"),
        ({"bits": ()}, "at least one pipeline and one budget"),
        ({"bits": (0.0, 2.0)}, "above 0 and at most 16"),
        ({"bits": (17.0,)}, "above 0 and at most 16"),
        ({"counted_tokens": 0}, "at least 1; got 0"),
    ],
)
def test_wishes_out_of_range_are_refused(change, says):
    with pytest.raises(SpecError, match=says):
        replace(SPEC, **change)
