"""A capture is opened only when its tensors are what its header says."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.data.capture import SCHEMA, CaptureSpec, facts_of, metadata_of
from kvsplice_core.data.capture_file import is_capture, open_capture
from kvsplice_core.data.vectors import load_values
from kvsplice_core.fit.calibrate import split_parts
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.tasks.training import CalibrationSpec
from tests.language_models import some_documents, tiny_llama


def rewritten(path, source, tensors=None, **changes):
    """Write `source` anew with other tensors, or another header."""
    metadata = metadata_of(source.facts)
    header = json.loads(metadata[SCHEMA]) | changes
    metadata[SCHEMA] = json.dumps({k: v for k, v in header.items() if v is not None})
    save_file(load_file(source.path) if tensors is None else tensors, path, metadata=metadata)
    return path


def test_the_header_comes_back(llama_capture):
    assert facts_of(metadata_of(llama_capture.facts), "x") == llama_capture.facts


def test_a_capture_of_before_documents_were_hashed_opens(tmp_path, llama_capture):
    plain = [{"name": one.name, "tokens": one.tokens} for one in llama_capture.facts.documents]
    old = open_capture(rewritten(tmp_path / "old.safetensors", llama_capture, documents=plain))
    assert [one.name for one in old.facts.documents] == [one["name"] for one in plain]
    assert {one.sha256 for one in old.facts.documents} == {""}


def test_values_are_those_of_the_file(llama_capture):
    held = load_file(llama_capture.path)
    for side in "vk":
        one = llama_capture.values(side, 1, 1)
        assert torch.equal(one.rows, held[f"layers.1.{side}"][:, 1].float())
        pooled = llama_capture.values(side, 1)
        assert torch.equal(pooled.rows, held[f"layers.1.{side}"].flatten(0, 1).float())
        assert pooled.rows_per_token == 2
    assert torch.equal(llama_capture.attention(0), held["layers.0.attention"])


def test_documents_are_known_whoever_opens_the_file(llama_capture):
    for values in (llama_capture.values("v", 0, 0), load_values(llama_capture.path)):
        assert values.boundaries == (200, 400, 600)
        assert values.summary.documents == 4
    assert llama_capture.values("v", 0).boundaries == (400, 800, 1200)
    assert "tiny-llama" in load_values(llama_capture.path).summary.provenance


@pytest.fixture
def counted(tmp_path, llama_capture) -> str:
    """Return a capture whose V are the numbers of their documents."""
    spans = [span.tokens for span in llama_capture.facts.documents]
    numbers = torch.arange(4.0).repeat_interleave(torch.tensor(spans)).half()
    tensors = load_file(llama_capture.path)
    tensors["layers.0.v"] = numbers[:, None, None].expand(800, 2, 16).contiguous()
    return str(rewritten(tmp_path / "counted.safetensors", llama_capture, tensors))


@pytest.mark.parametrize("budget", [40, 101, 800, 1600])
@pytest.mark.parametrize("head", [0, None])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.75, 0.95])
def test_the_parts_are_different_documents(counted, budget, head, share):
    values = open_capture(counted).values("v", 0, head, budget=budget)
    spec = CalibrationSpec(device="cpu", train_fraction=share)
    parts = split_parts(values, spec)
    read = [set(x[:, 0].tolist()) for x in (parts.fit, parts.validation, parts.test)]
    assert all(read)
    assert sorted(number for part in read for number in part) == [0, 1, 2, 3]
    assert len(parts.train) + len(parts.test) == len(values.rows)
    if share == 0.75:
        assert read == [{0, 1}, {2}, {3}]


@pytest.mark.parametrize("count", [1, 2])
def test_two_documents_are_train_and_test(tmp_path, count):
    path = tmp_path / "x.safetensors"
    run(capture_vectors(tiny_llama(), some_documents(count), CaptureSpec(tokens=300), path))
    values = load_values(path)
    train, test = values.split(0.75)
    assert len(train) == (225 if count == 1 else 150)
    assert len(train) + len(test) == 300
    validation = split_parts(values, CalibrationSpec(device="cpu")).validation
    assert len(validation) == round(len(train) * CalibrationSpec().validation_fraction)


def test_no_such_side_layer_or_attention(llama_capture, tmp_path):
    for call in (
        lambda: llama_capture.values("q", 0),
        lambda: llama_capture.values("v", 2),
        lambda: llama_capture.attention(2),
    ):
        with pytest.raises(SpecError, match="must be one the capture holds"):
            call()
    bare = open_capture(rewritten(tmp_path / "x.safetensors", llama_capture, attention=False))
    with pytest.raises(SpecError, match="must be captured with --attention"):
        bare.attention(0)


def test_what_is_no_capture(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"layers.0.v": torch.zeros(20, 2, 4)}, path)
    assert not is_capture(path)
    with pytest.raises(DataError, match="must be a capture"):
        open_capture(path)
    for missing in (tmp_path / "none.safetensors", "geometric-mix", tmp_path):
        assert not is_capture(missing)
        with pytest.raises(DataError):
            open_capture(missing)


def test_a_truncated_file(tmp_path, llama_capture):
    path = tmp_path / "x.safetensors"
    with open(llama_capture.path, "rb") as stream:  # noqa: PTH123
        path.write_bytes(stream.read()[:-100])
    with pytest.raises(DataError, match="must be an undamaged"):
        open_capture(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "capture schema 1; it has 2"),
        ({"schema_version": None}, "damaged capture header"),
        ({"model": {"name": "x"}}, "damaged capture header"),
        ({"documents": []}, "damaged capture header"),
        ({"documents": [{"name": "a", "tokens": 0}]}, "damaged capture header"),
        ({"documents": 3}, "damaged capture header"),
        ({"sides": "q"}, "damaged capture header"),
        ({"dtype": "bfloat16"}, "layers.0.v in bfloat16, as its header says"),
        ({"layers": [0, 1, 2]}, "layers.2.v"),
        ({"documents": [{"name": "a", "tokens": 799}]}, "799 tokens"),
    ],
)
def test_a_header_that_does_not_fit(tmp_path, llama_capture, changes, words):
    path = rewritten(tmp_path / "x.safetensors", llama_capture, **changes)
    assert is_capture(path)
    with pytest.raises(DataError, match=words):
        open_capture(path)


def test_a_damaged_header_is_no_reason_to_read_across_documents(tmp_path, llama_capture):
    path = rewritten(tmp_path / "x.safetensors", llama_capture, documents=[])
    with pytest.raises(DataError, match="damaged capture header"):
        load_values(path)


def test_stated_axes_are_the_users_business(llama_capture):
    values = load_values(
        llama_capture.path, tensor="layers.0.v", axes="token batch dim", budget=1600
    )
    assert len(values.rows) == 1600
    assert values.boundaries == ()
    assert values.summary.documents == 0


def test_the_hash_is_that_of_the_file(llama_capture):
    import hashlib
    from pathlib import Path

    digest = hashlib.sha256(Path(llama_capture.path).read_bytes()).hexdigest()
    assert llama_capture.sha256 == digest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tokens": 15}, "at least 16; got 15"),
        ({"dtype": "float64"}, "float16, bfloat16; got 'float64'"),
        ({"context": 1}, "at least 2; got 1"),
        ({"layers": ()}, "at least one layer; got none"),
    ],
)
def test_wishes_out_of_range(options, words):
    with pytest.raises(SpecError, match=words):
        CaptureSpec(**options)
