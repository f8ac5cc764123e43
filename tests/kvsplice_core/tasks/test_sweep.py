"""What results say about themselves."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core import CalibrationSpec, SweepSpec, run, sweep
from kvsplice_core.base.estimates import Change, Verdict
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.summary import DataSummary
from tests.kvsplice_core.makers import bent_rows, values_of

SUMMARY = DataSummary("a/b/v.safetensors", "v", 3, 1, 1, "token head dim", 9, 4, 9, 0, "00")


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "v.safetensors · layer 3 · head 1"),
        ({"head": None, "pooled_heads": 12}, "v.safetensors · layer 3 · 12 heads pooled"),
        ({"layer": None, "head": None}, "v.safetensors"),
        ({"source": "C:\\data\\v.npy", "layer": 0, "head": 0}, "v.npy · layer 0 · head 0"),
    ],
)
def test_the_title_names_file_layer_and_head(changes, title):
    assert replace(SUMMARY, **changes).title == title


@given(low=st.floats(-100, 100), width=st.floats(0, 50))
def test_an_interval_with_zero_is_a_tie(low, width):
    change = Change(low + width / 2, low, low + width)
    if change.low <= 0 <= change.high:
        assert change.verdict is Verdict.TIE
    else:
        assert change.verdict is (Verdict.GAIN if change.percent < 0 else Verdict.LOSS)


def test_rows_are_found_by_method_and_k():
    calibration = CalibrationSpec(epochs=1, device="cpu")
    spec = SweepSpec((Method.SPLINE,), (2, 1), calibration)
    result = run(sweep(values_of(bent_rows(60, 3)), spec))
    assert [row.k for row in result.of(Method.SPLINE)] == [1, 2]
    assert result.of(Method.FLOW) == ()
    assert result.row(Method.FLOW, 1) is None
    assert result.row(Method.PCA, 2).k == 2
    assert result.methods == (Method.PCA, Method.SPLINE)
    assert result.row(Method.SPLINE, 1).kept is result.row(Method.SPLINE, 1).calibration.kept
