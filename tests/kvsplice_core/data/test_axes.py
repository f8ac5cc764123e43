import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.data.axes import AXIS_NAMES, AxesOrigin, resolve_axes, split_axes

shapes = st.lists(st.integers(1, 9), min_size=2, max_size=5).map(tuple)


@st.composite
def named_shapes(draw):
    shape = draw(shapes)
    others = [name for name in AXIS_NAMES if name not in ("token", "dim")]
    extra = draw(st.permutations(others))[: len(shape) - 2]
    return shape, (*draw(st.permutations([*extra, "token"])), "dim")


@given(shapes)
def test_inferred_axes_name_each_axis_once_with_dim_last(shape):
    axes = resolve_axes(shape)
    assert axes.origin is AxesOrigin.INFERRED
    assert len(set(axes.names)) == len(shape)
    assert axes.names[-1] == "dim"
    assert "token" in axes.names


@given(shapes.filter(lambda shape: len(shape) > 2))
def test_the_larger_inner_axis_is_the_token(shape):
    axes = resolve_axes(shape)
    assert axes.size(shape, "token") == max(shape[-3:-1])
    assert axes.size(shape, "head") == min(shape[-3:-1])
    assert axes.names[:-3] == ("layer", "batch")[5 - len(shape) :]


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((100, 64), "token dim"),
        ((3, 100, 64), "head token dim"),
        ((100, 3, 64), "token head dim"),
        ((8, 8, 64), "head token dim"),
        ((2, 3, 100, 64), "batch head token dim"),
        ((2, 100, 3, 64), "batch token head dim"),
        ((12, 2, 3, 100, 64), "layer batch head token dim"),
        ((12, 2, 5, 5, 64), "layer batch head token dim"),
    ],
)
def test_inference(shape, names):
    assert str(resolve_axes(shape)) == names


@given(named_shapes(), st.sampled_from([" ", ",", ", ", "  "]))
def test_stated_axes_win_over_metadata_and_inference(case, separator):
    shape, names = case
    axes = resolve_axes(shape, separator.join(names), "dim token")
    assert axes.names == names
    assert axes.origin is AxesOrigin.STATED
    assert resolve_axes(shape, names) == axes


@given(named_shapes())
def test_metadata_win_over_inference(case):
    shape, names = case
    axes = resolve_axes(shape, metadata=" ".join(names))
    assert axes.names == names
    assert axes.origin is AxesOrigin.METADATA
    assert axes.text == f"{' '.join(names)} (metadata)"


def test_metadata_of_another_number_of_axes_do_not_count():
    assert resolve_axes((100, 64), metadata="token head dim").origin is AxesOrigin.INFERRED


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("token dim", "must name the 3 axes of shape .* got 2: token dim"),
        ("", "got 0: none"),
        ("token heads dim", "must be among layer, .* got token heads dim"),
        ("token token dim", "each axis once; got token token dim"),
        ("token dim head", "end with dim; got token dim head"),
        ("layer head dim", "must contain token .* got layer head dim"),
    ],
)
def test_wrong_axes_are_named(stated, words):
    with pytest.raises(SpecError, match=words):
        resolve_axes((10, 3, 4), stated)
    if len(split_axes(stated)) == 3:
        with pytest.raises(DataError, match=words):
            resolve_axes((10, 3, 4), metadata=stated)


@pytest.mark.parametrize("shape", [(), (3,), (1, 1, 1, 1, 1, 1)])
def test_too_few_or_too_many_axes(shape):
    with pytest.raises(DataError, match="2 to 5 axes; got shape"):
        resolve_axes(shape)


def test_an_axis_that_is_not_there_has_no_index_and_no_size():
    axes = resolve_axes((10, 4))
    assert axes.index("head") is None
    assert axes.size((10, 4), "head") is None
