"""The names of axes, free of torch."""

from kvsplice_core.codec.kinds import Axes


def test_every_axes_has_its_word():
    assert [axes.value for axes in Axes] == ["raw", "pca", "whitened", "output"]


def test_raw_axes_go_without_saying():
    assert [axes.where for axes in Axes] == [
        "",
        "in PCA axes",
        "in whitened axes",
        "in output axes",
    ]
