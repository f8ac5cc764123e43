"""Every figure can be saved in every format, and the same data gives the same file."""

import warnings

import numpy as np
import pytest
from matplotlib.image import imread

from kvsplice_core.base.errors import KVSpliceError, SpecError
from kvsplice_core.report import figures
from tests.kvsplice_core.report.figures.gallery import GALLERY

STARTS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


draw = GALLERY["mse"]


@pytest.mark.parametrize("suffix", STARTS)
def test_each_format_is_written_whole(tmp_path, suffix):
    path = tmp_path / "new" / f"figure.{suffix}"
    figures.save_figure(draw(), path, dpi=50)
    assert path.read_bytes().startswith(STARTS[suffix])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", STARTS)
def test_the_same_data_gives_the_same_file(tmp_path, suffix):
    for name in "ab":
        figures.save_figure(draw(), tmp_path / f"{name}.{suffix}", dpi=50)
    first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert b"CreationDate" not in first
    assert b"<dc:date>" not in first


def test_dpi_is_the_size_in_pixels(tmp_path):
    figure = GALLERY["loss"]()
    figures.save_figure(figure, tmp_path / "f.png", dpi=50)
    height, width, _ = imread(tmp_path / "f.png").shape
    assert (width, height) == tuple(np.round(figure.get_size_inches() * 50).astype(int))


@pytest.mark.parametrize("name", ["figure", "figure.gif", "figure.jpeg", "png"])
def test_another_suffix_is_refused_before_writing(tmp_path, name):
    with pytest.raises(SpecError, match=r"must end in \.png, \.svg, \.pdf; got"):
        figures.save_figure(GALLERY["loss"](), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_bad_dpi_and_bad_places_are_refused(tmp_path):
    figure = GALLERY["loss"]()
    with pytest.raises(SpecError, match="dpi must be at least 1; got 0"):
        figures.save_figure(figure, tmp_path / "f.png", dpi=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(KVSpliceError, match="cannot write"):
        figures.save_figure(figure, tmp_path / "file" / "f.png", dpi=50)


def test_a_failed_drawing_leaves_the_old_file(tmp_path, monkeypatch):
    path, figure = tmp_path / "f.png", GALLERY["loss"]()
    path.write_text("old")

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(MemoryError):
        figures.save_figure(figure, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["f.png"]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", GALLERY)
def test_no_figure_is_blank_nor_lacks_a_glyph(tmp_path, name, dark):
    path = tmp_path / "f.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.save_figure(GALLERY[name](dark=dark), path, dpi=40)
    pixels = imread(path)[..., :3]
    paper = pixels[0, 0]
    inked = (np.abs(pixels - paper) > 0.04).any(-1)
    assert 0.02 < inked.mean() < 0.95
    assert (paper.mean() < 0.2) == dark
    # Nothing runs over the edge of the paper.
    edges = (inked[0], inked[-1], inked[:, 0], inked[:, -1])
    assert not any(edge.any() for edge in edges)
