"""``kvsplice sweep`` prints, writes whole files, and keeps what is finished."""

import csv
import json
from importlib import import_module
from math import isfinite

import pytest

from kvsplice_core.codec.kinds import Method

QUICK = ("--epochs", "1", "--device", "cpu")


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_a_line_for_each_method_and_k(kvsplice, vectors):
    outcome = kvsplice("sweep", vectors, "--ks", "1-3", *QUICK)
    assert outcome.status == 0
    lines = [line.split() for line in outcome.out.splitlines() if "→" in line or "PCA" in line]
    found = [(line[0], line[1]) for line in lines if line[0].isdecimal()]
    assert found == [(str(k), method.label) for k in (1, 2, 3) for method in Method]


def test_every_change_says_gain_tie_or_loss(kvsplice, vectors):
    outcome = kvsplice("sweep", vectors, "--methods", "spline", "--ks", "2", *QUICK)
    (line,) = (line for line in outcome.out.splitlines() if "Spline→PCA" in line)
    assert any(word in line.split() for word in ("gain", "tie", "loss"))


def test_ks_default_to_those_the_vectors_allow(kvsplice, vectors, tmp_path):
    out = tmp_path / "t.csv"
    kvsplice("sweep", vectors, "--methods", "pca", "--csv", out)
    assert [row["k"] for row in table(out)] == ["1", "2", "3", "4", "6"]


def test_what_is_picked_is_told_on_stderr(kvsplice):
    outcome = kvsplice("sweep", "smollm2-v", "--budget", "64", "--methods", "pca", "--ks", "2")
    assert "smollm2-v · layer 5 · head 0: 64 of 8192 vectors of 64 dimensions" in outcome.err


def test_without_a_terminal_progress_is_a_line_for_each_row(kvsplice, vectors):
    outcome = kvsplice("sweep", vectors, "--methods", "pca", "--ks", "1,2", *QUICK)
    assert [line[:4] for line in outcome.err.splitlines()[1:]] == ["1/2 ", "2/2 "]


def test_files_hold_the_rows_and_the_settings(kvsplice, vectors, tmp_path):
    out = tmp_path / "new"
    options = ("--methods", "pca,spline", "--ks", "2,4", "--seed", "9", *QUICK)
    kvsplice("sweep", vectors, *options, "--csv", out / "t.csv", "--json", out / "t.json")
    rows = table(out / "t.csv")
    assert [row["k"] for row in rows] == ["2", "4"]
    words = ("verdict", "kept")
    numbers = [row[name] for row in rows for name in row if not name.startswith(words)]
    assert all(isfinite(float(number)) for number in numbers)
    assert '"seed": 9' in json.dumps(json.loads((out / "t.json").read_text("utf-8")))


def test_the_same_seed_gives_the_same_file(kvsplice, vectors, tmp_path):
    for name in ("a.csv", "b.csv"):
        kvsplice("sweep", vectors, "--ks", "2", *QUICK, "--csv", tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("option", "name"), [("--csv", "t.txt"), ("--json", "t.csv"), ("--figures", "vectors.npy")]
)
def test_a_bad_target_is_told_before_the_vectors_are_read(
    kvsplice, vectors, monkeypatch, option, name
):
    def never(*_, **__):
        pytest.fail("the vectors were read")

    monkeypatch.setattr("kvsplice_core.data.vectors.load_values", never)
    assert option in kvsplice("sweep", vectors, option, vectors.parent / name).error


def interrupt_after(monkeypatch, wanted: int) -> None:
    """Let the next sweep be interrupted when it has given `wanted` rows."""
    module = import_module("kvsplice_core.fit.sweep")
    whole = module.sweep

    def cut_short(values, spec):
        finished = 0
        for step in whole(values, spec):
            yield step
            finished += step.row is not None
            if finished == wanted:
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "sweep", cut_short)


def test_an_interrupt_keeps_the_finished_rows(kvsplice, vectors, tmp_path, monkeypatch):
    interrupt_after(monkeypatch, 2)
    files = ("--csv", tmp_path / "t.csv", "--json", tmp_path / "t.json")
    outcome = kvsplice("sweep", vectors, "--methods", "pca", "--ks", "1-6", *QUICK, *files)
    assert outcome.status == 130
    assert "interrupted after 2 rows" in outcome.err
    assert [row["k"] for row in table(tmp_path / "t.csv")] == ["1", "2"]
    assert json.loads((tmp_path / "t.json").read_text("utf-8"))


def test_an_interrupt_before_any_row_writes_nothing(kvsplice, vectors, tmp_path, monkeypatch):
    interrupt_after(monkeypatch, 0)
    outcome = kvsplice("sweep", vectors, *QUICK, "--csv", tmp_path / "t.csv")
    assert outcome.status == 130
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.npy"]


@pytest.mark.slow
def test_figures_are_drawn_where_there_is_something_to_draw(kvsplice, vectors, tmp_path):
    out = tmp_path / "figures"
    options = ("--recipe", "origin", "--figures", out, "--dpi", "40", "--formats", "png,svg")
    assert kvsplice("sweep", vectors, "--ks", "2,4", *QUICK, *options).status == 0
    names = {"mse_vs_k", "change_vs_pca", "spline_curves", "slope_map", "memory"}
    assert {path.name for path in out.iterdir()} == {
        f"{name}.{suffix}" for name in names for suffix in ("png", "svg")
    }


def test_pca_alone_has_no_spline_figures(kvsplice, vectors, tmp_path):
    out = tmp_path / "figures"
    kvsplice("sweep", vectors, "--methods", "pca", "--ks", "2", "--figures", out, "--dpi", "40")
    assert {path.stem for path in out.iterdir()} == {"mse_vs_k", "change_vs_pca", "memory"}
