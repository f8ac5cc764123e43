"""``kvsplice memory`` weighs the published models as published."""

import json

import pytest

from kvsplice_core.base.formats import format_bytes
from kvsplice_core.cache.formula import cache_bytes
from kvsplice_core.data.model_shape import PRESETS


def sizes(outcome) -> dict[str, str]:
    """Return the size of each line of the table by its name."""
    rows = {}
    for line in outcome.out.splitlines():
        name, _, rest = line.strip().partition("  ")
        rows[name] = " ".join(rest.split()[:2])
    return rows


def test_gpt2_in_fp16_is_36_mebibytes(kvsplice):
    assert sizes(kvsplice("memory", "gpt2"))["all"] == "36.0 MiB"


@pytest.mark.parametrize("model", PRESETS)
@pytest.mark.parametrize("k", [8, 16])
def test_the_table_is_what_the_core_weighs(kvsplice, model, k):
    found = cache_bytes(model, tokens=700, k=k, batch=2, kept_tokens=391)
    shown = sizes(kvsplice("memory", model, *f"--tokens 700 --batch 2 --kept 391 --k {k}".split()))
    assert shown["K"] == format_bytes(found.keys)
    assert shown["V"] == format_bytes(found.values)
    assert shown["side information"] == format_bytes(found.side)
    assert shown["all"] == format_bytes(found.total)


@pytest.mark.parametrize(("dtype", "share"), [("fp32", 2), ("bf16", 1), ("int8", 0.5)])
def test_dtypes_scale_the_dense_cache(kvsplice, dtype, share):
    shown = sizes(kvsplice("memory", "gpt2", "--dtype", dtype))
    assert shown["all"] == format_bytes(36 * 2**20 * share)


def test_formula_and_reference_lines_are_shown(kvsplice):
    outcome = kvsplice("memory", "gpt2", "--k", "16")
    assert outcome.out.startswith("GPT-2 124M: K: 12 layers × 12 heads")
    assert {"dense", "GQA 4:1", "MLA", "1024 tokens"} <= set(sizes(outcome))


def test_break_even_is_told(kvsplice):
    found = cache_bytes("gpt2", tokens=1024, k=16)
    outcome = kvsplice("memory", "gpt2", "--k", "16")
    assert f"no larger than dense from {found.break_even_tokens} tokens on" in outcome.out
    assert "never smaller than dense" in kvsplice("memory", "gpt2", "--k", "64").out


def test_a_config_gives_its_shape(kvsplice, tmp_path):
    path = tmp_path / "config.json"
    config = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32}
    path.write_text(json.dumps(config), "utf-8")
    shown = sizes(kvsplice("memory", path, "--tokens", "10"))
    assert shown["all"] == format_bytes(2 * 2 * 4 * 8 * 10 * 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gpt5"], "'gpt5'"),
        (["gpt2", "--k", "65"], "head_dim 64; got 65"),
        (["gpt2", "--tokens", "0"], "at least 1; got '0'"),
        (["gpt2", "--dtype", "fp12"], "'fp12'"),
    ],
)
def test_bad_input_is_one_line(kvsplice, arguments, words):
    assert words in kvsplice("memory", *arguments).error
