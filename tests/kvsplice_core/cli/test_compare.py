"""``kvsplice compare``: pipelines at k or at bits, the same as a sweep where both can say it."""

import json

import numpy as np
import pytest

from kvsplice_core import CalibrationSpec, Method, SweepSpec, SweepTask, VectorSource, run
from kvsplice_core.codec.kinds import Recipe
from kvsplice_core.codec.pipeline import Pipeline
from kvsplice_core.fit import frontier as engine
from kvsplice_core.report.comparison_table import read_csv, read_json
from tests.kvsplice_core.makers import bent_rows

ROWS = bent_rows(1200, 8).numpy()


@pytest.fixture
def bent(tmp_path):
    """Return a file of vectors that a spline gains on."""
    np.save(tmp_path / "bent.npy", ROWS)
    return tmp_path / "bent.npy"


@pytest.mark.parametrize("recipe", Recipe)
def test_at_k_it_finds_what_a_sweep_finds(kvsplice, bent, tmp_path, recipe):
    quick = ("--recipe", recipe, "--epochs", "6", "--knots", "6", "--k-train", "2")
    words = ("--pipelines", "pca,spline", "--at", "k=1,2", "--device", "cpu", "--threads", "1")
    assert kvsplice("compare", bent, *words, *quick, "--csv", tmp_path / "c.csv").status == 0
    calibration = CalibrationSpec(
        recipe=recipe, epochs=6, knots=6, k_train=2, device="cpu", threads=1
    )
    spec = SweepSpec((Method.SPLINE,), (1, 2), calibration)
    swept = run(SweepTask(VectorSource(str(bent)), spec))
    rows = {(row.pipeline.method, row.asked_k): row for row in read_csv(tmp_path / "c.csv")}
    assert len(rows) == len(swept.rows) == 4
    half = 2**-11 * float(np.square(ROWS).mean()) ** 0.5  # numbers that are kept take 16 bits here
    for one in swept.rows:
        row = rows[one.method, one.k]
        assert abs(row.mse**0.5 - one.scores.mse**0.5) <= half
        assert row.k == one.k
        assert row.kept == (Pipeline(method=one.kept),)
        assert (row.change is None) == (one.change is None)
        if one.change is not None and row.change is not None:
            assert row.change.verdict is one.change.verdict
            assert row.change.percent == pytest.approx(one.change.percent, abs=0.5)
    assert rows[Method.SPLINE, 2].change.percent < -20  # not one PCA beside another


def test_k_gives_a_table_sentences_and_files(kvsplice, bent, tmp_path):
    words = ("--pipelines", "spline,rounding+joined", "--at", "k=2,4", "--epochs", "2")
    files = ("--csv", tmp_path / "c.csv", "--json", tmp_path / "c.json", "--figures", tmp_path)
    outcome = kvsplice("compare", bent, *words, "--device", "cpu", *files)
    assert outcome.status == 0
    headings = outcome.out.splitlines()[1].split()
    assert headings[:6] == ["at", "pipeline", "k", "bits", "MSE", "NMSE"]
    assert headings[-1] == "kept"
    assert "Spline→PCA at k 2, 4." in outcome.out
    assert "against PCA at 4" in outcome.out
    read = read_json(tmp_path / "c.json")
    assert read.spec.budgets.key == "k=2,4"
    assert read.points == read_csv(tmp_path / "c.csv")
    assert read.points[0].pipeline == Pipeline()
    assert json.loads((tmp_path / "c.json").read_text("utf-8"))["valid"] is True
    assert (tmp_path / "frontier_nmse.png").stat().st_size > 10_000


def test_bits_give_what_a_frontier_gives(kvsplice, bent, tmp_path):
    words = ("--pipelines", "joined+lloyd-max", "--device", "cpu", "--counted-tokens", "10000000")
    at = ("--at", "bits=4,5", "--csv", tmp_path / "c.csv")
    assert kvsplice("compare", bent, *words, *at).status == 0
    bits = ("--bits", "4,5", "--csv", tmp_path / "f.csv")
    assert kvsplice("frontier", bent, *words, *bits).status == 0
    table = [line.split(",") for line in (tmp_path / "f.csv").read_text("utf-8").splitlines()]
    told = [dict(zip(table[0], line, strict=True)) for line in table[1:]]
    found = read_csv(tmp_path / "c.csv")
    assert [(row.pipeline.key, row.bits, row.nmse) for row in found] == [
        (row["pipeline"], float(row["bits"]), float(row["nmse"])) for row in told
    ]
    assert all(row.asked_k is None for row in found)


def test_an_interrupt_keeps_the_finished_rows(kvsplice, bent, tmp_path, monkeypatch):
    measure, done = engine._Comparison._point, []

    def interrupted(self, *asked):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(asked)
        return measure(self, *asked)

    monkeypatch.setattr(engine._Comparison, "_point", interrupted)
    words = ("--pipelines", "quadratic", "--at", "k=2,3", "--device", "cpu")
    outcome = kvsplice("compare", bent, *words, "--csv", tmp_path / "c.csv")
    assert outcome.status == 130
    assert "interrupted after 3 points" in outcome.err
    kept = [(row.pipeline.key, row.asked_k) for row in read_csv(tmp_path / "c.csv")]
    assert kept == [("pca", 2), ("pca", 3), ("quadratic", 2)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--through-model",), "--through-model needs a whole capture or a model; got vectors"),
        (("--at", "k=9"), "k must lie between 1 and the dimension 8; got 9"),
        (("--at", "k=two"), "budgets must be written as k=8,16 or as bits=1,2.5; got 'k=two'"),
        (("--at", "bits=99"), "bits must be above 0 and at most 16; got 99"),
        (("--pipelines", "joined+output"), "needs the W_O of a model"),
        (("--pipelines", ""), "a comparison needs at least one pipeline; got none"),
    ],
)
def test_bad_words_end_with_one_sentence(kvsplice, bent, words, sentence):
    assert sentence in kvsplice("compare", bent, *words).error
