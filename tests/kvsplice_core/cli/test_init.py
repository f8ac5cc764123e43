"""Every way a command can end."""

import os
import signal
import subprocess
import sys

import pytest

from kvsplice_core import cli
from kvsplice_core.version import __version__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["fold"], "invalid choice: 'fold'"),
        (["sweep"], "required: DATA"),
        (["sweep", "x.npy", "--speed", "3"], "unrecognized arguments: --speed 3"),
        (["sweep", "x.npy", "--method", "pca"], "unrecognized arguments: --method pca"),
        (["sweep", "nowhere.npy"], "nowhere.npy"),
        (["sweep", "geometric-mux"], "'geometric-mux'"),
        (["sweep", "geometric-mix", "--ks", "4-2"], "'4-2'"),
        (["sweep", "geometric-mix", "--ks", "129"], "129"),
        (["sweep", "geometric-mix", "--methods", "pca,svd"], "'svd'"),
        (["sweep", "geometric-mix", "--recipe", "mine"], "invalid choice: 'mine'"),
        (["sweep", "geometric-mix", "--knots", "2"], "between 3 and 64; got 2"),
        (["sweep", "geometric-mix", "--device", "abacus"], "'abacus'"),
        (["sweep", "geometric-mix", "--threads", "0"], "at least 1; got 0"),
        (["sweep", "geometric-mix", "--layer", "1"], "layer"),
        (["sweep", "geometric-mix", "--head", "0", "--pool-heads"], "one head or all heads"),
        (["fit", "geometric-mix"], "required: --out"),
        (["fit", "geometric-mix", "--k", "0", "--out", "c.safetensors"], "at least 1; got 0"),
        (["info", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_bad_input_is_one_line_that_names_it(kvsplice, arguments, words):
    assert words in kvsplice(*arguments).error


def test_help_lists_every_command(kvsplice):
    outcome = kvsplice("--help")
    assert outcome.status == 0
    for command in ("samples", "info", "diagnose", "sweep", "fit", "memory", "plots", "gui"):
        assert f"\n    {command} " in outcome.out


@pytest.mark.parametrize(
    "command", ["samples", "info", "diagnose", "sweep", "fit", "memory", "plots", "gui"]
)
def test_every_command_explains_itself(kvsplice, command):
    outcome = kvsplice(command, "--help")
    assert outcome.status == 0
    assert f"usage: kvsplice {command}" in outcome.out


def test_the_version_is_the_package_s(kvsplice):
    assert kvsplice("--version").out == f"kvsplice {__version__}\n"


def raiser(error: BaseException):
    def run(_):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "err"),
    [
        (KeyboardInterrupt(), 130, ""),
        (OSError("disk\nfull"), 2, "kvsplice: error: disk full\n"),
    ],
)
def test_an_exception_becomes_a_status(kvsplice, monkeypatch, error, status, err):
    monkeypatch.setattr(cli.parser.samples, "_run", raiser(error))
    outcome = kvsplice("samples")
    assert (outcome.status, outcome.err) == (status, err)


def test_a_mistake_of_ours_is_not_called_bad_input(kvsplice, monkeypatch):
    monkeypatch.setattr(cli.parser.samples, "_run", raiser(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        kvsplice("samples")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently on Windows")
def test_a_reader_that_goes_away_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kvsplice_core", "samples"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one process on Windows")
def test_a_real_interrupt_keeps_the_finished_rows(tmp_path):
    table = tmp_path / "rows.csv"
    # A runner may start the tests with SIGINT ignored, which children inherit.
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from kvsplice_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    options = ["--methods", "spline", "--ks", "2-9", "--epochs", "400", "--csv", str(table)]
    command = [sys.executable, "-c", script, "sweep", "geometric-mix", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    header, *rows = table.read_text("utf-8").splitlines()
    assert header.startswith("k,test_mse_PCA")
    assert len(rows) >= 1
