"""``kvsplice plots`` draws the recorded tables, all figures or none."""

from pathlib import Path

import pytest

NAMES = {"compression_comparison", "improvement_delta", "memory_reduction", "architecture_diagram"}
TABLE = "k,test_mse_PCA,test_mse_{}\n8,0.00131,{}\n16,0.00079,0.00078\n"


@pytest.fixture
def tables(tmp_path) -> list[Path]:
    paths = [tmp_path / "spline.csv", tmp_path / "flow.csv"]
    for path, method in zip(paths, ("SplinePCA", "FlowPCA"), strict=True):
        path.write_text(TABLE.format(method, 0.0013), "utf-8")
    return paths


def test_the_four_figures_are_drawn_and_named(kvsplice, tables, tmp_path):
    out = tmp_path / "new" / "figures"
    outcome = kvsplice("plots", *tables, "--out", out, "--dpi", "40")
    assert outcome.status == 0
    written = sorted(out.iterdir())
    assert {path.name for path in written} == {f"{name}.png" for name in NAMES}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert sorted(outcome.out.split()) == [str(path) for path in written]


@pytest.mark.slow
def test_formats_come_side_by_side(kvsplice, tables, tmp_path):
    out = tmp_path / "out"
    kvsplice("plots", *tables, "--out", out, "--formats", "svg,pdf")
    assert {path.suffix for path in out.iterdir()} == {".svg", ".pdf"}
    assert len(list(out.iterdir())) == 2 * len(NAMES)


@pytest.mark.parametrize("text", ["", "k,other\n1,2\n", TABLE.format("SplinePCA", "much")])
def test_a_bad_table_leaves_no_figure(kvsplice, tables, tmp_path, text):
    tables[1].write_text(text, "utf-8")
    out = tmp_path / "out"
    assert "flow.csv" in kvsplice("plots", *tables, "--out", out).error
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--formats", "gif"), "'gif'"), (("--dpi", "0"), "got '0'"), (("--out", "{file}"), "--out")],
)
def test_bad_options_are_one_line(kvsplice, tables, options, words):
    option, value = options
    assert words in kvsplice("plots", *tables, option, value.format(file=tables[0])).error
