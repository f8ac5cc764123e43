"""The strip says every part of a chosen point's pipeline."""

import pytest

from kvsplice_gui.panels.pipeline_strip import STAGE_KEYS
from kvsplice_gui.readouts.stages import Stage, point_stages
from tests.frontier_samples import LOSS, TIE, frontier, point

VALUES = Stage("V", "1 000 × 6")


def stages(key, **fields):
    return point_stages(VALUES, point(key, **fields), frontier())


@pytest.mark.parametrize("key", ["pca", "rounding", "joined+output+quadratic", "spline+companded"])
def test_every_stage_has_name_number_and_help(key):
    shown = stages(key)
    for name in STAGE_KEYS[1:]:
        stage = getattr(shown, name)
        assert stage.name
        assert stage.number
        assert stage.help


def test_parts_are_named_as_they_are():
    shown = stages("joined+output+spline+quadratic")
    assert shown.grouping.name == "heads joined"
    assert shown.axes.number == "W_O"
    assert (shown.transform.name, shown.transform.number) == ("Spline", "7 knots")
    assert shown.pca.number == "k = 10"
    assert shown.decoder.name == "quadratic"
    assert shown.quantizer.name == "fp16"


def test_rounding_has_no_basis_and_levels_keep_every_axis():
    assert stages("rounding").pca.name == "no basis"
    assert stages("lloyd-max").pca.number == "every axis"


def test_a_tie_is_called_a_tie_and_a_loss_has_its_size():
    assert stages("spline", change=TIE).restored.number.endswith("tie")
    assert stages("spline", change=LOSS).restored.number.endswith("+4.00\u00a0%")


def test_what_was_replaced_is_said():
    shown = stages("spline", replaced=2)
    assert shown.decoder.number == "kept in 1 of 3"
    assert shown.decoder.help.startswith("A simpler pipeline replaced it")
