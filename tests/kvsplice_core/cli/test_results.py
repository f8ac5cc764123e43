"""Where results go is settled from the options alone."""

import argparse

import pytest

from kvsplice_core.base.errors import ModelShapeError, SpecError
from kvsplice_core.cli import main
from kvsplice_core.cli.outputs import add_result_options, check_targets, parse_formats


def targets(*arguments: str):
    parser = argparse.ArgumentParser()
    add_result_options(parser)
    return check_targets(parser.parse_args(arguments))


def test_nothing_is_written_unless_asked():
    found = targets()
    assert (found.csv, found.json, found.figures) == (None, None, None)
    assert (found.formats, found.dpi, found.model.name) == (("png",), 200, "GPT-2 124M")


def test_every_option_is_kept(tmp_path):
    names = {"csv": "t.csv", "json": "t.json", "figures": "drawn"}
    options = [word for n, file in names.items() for word in (f"--{n}", str(tmp_path / file))]
    found = targets(*options, "--formats", "svg,png", "--dpi", "72", "--model", "gpt2-xl")
    assert {name: getattr(found, name).name for name in names} == names
    assert (found.formats, found.dpi, found.model.layers) == (("svg", "png"), 72, 48)


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_a_wrong_suffix_is_told_by_option(tmp_path, option):
    with pytest.raises(SpecError, match=f"{option} must name a file ending in"):
        targets(option, str(tmp_path / "t.doc"))


def test_an_unknown_model_is_told():
    with pytest.raises(ModelShapeError, match="'gpt9'"):
        targets("--model", "gpt9")


@pytest.mark.parametrize("text", ["", "gif", "png,", "png;svg"])
def test_other_formats_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be one of png, svg, pdf; got"):
        parse_formats(text)


def test_a_dpi_no_memory_holds_is_refused_before_any_work(capsys):
    assert main(["sweep", "geometric-mix", "--ks", "2", "--figures", "f", "--dpi", "99999"]) == 2
    assert "dpi must be at most 1200; got 99999" in capsys.readouterr().err
