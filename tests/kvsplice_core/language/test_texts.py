"""Texts are read as documents; what is no text is one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsplice_core.base.errors import DataError
from kvsplice_core.language.texts import (
    BundledText,
    Document,
    documents_for,
    read_documents,
    text_hash,
    tokenise,
)
from tests.language_models import tiny_gpt2


def test_files_and_folders_in_order(tmp_path):
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(f"words of {name} – ü\n", encoding="utf-8")
    assert [one.name for one in read_documents([tmp_path])] == ["a", "b"]
    found = read_documents([tmp_path / "c.md", str(tmp_path)])
    assert [one.name for one in found] == ["c", "a", "b"]
    assert found[0].text == "words of c.md – ü\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must hold words; .* is empty"),
        (b" \n\t ", "must hold words; .* is empty"),
        (b"caf\xe9", "must be UTF-8; .* is not"),
        (None, "must be a readable text file"),
    ],
)
def test_what_is_no_text(tmp_path, content, words):
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_documents([path])


def test_a_folder_without_text(tmp_path):
    with pytest.raises(DataError, match=r"must hold \.txt files; .* holds none"):
        read_documents([tmp_path])


def test_no_text_at_all(tmp_path):
    with pytest.raises(DataError, match="at least one text file"):
        read_documents([])
    with pytest.raises(DataError, match="text is required for the model gpt2"):
        documents_for("gpt2", [], BundledText.CALIBRATION)


def test_paths_come_before_the_bundle(tmp_path):
    (tmp_path / "x.txt").write_text("mine")
    found = documents_for("gpt2-mini", [tmp_path / "x.txt"], BundledText.HELDOUT)
    assert found == (Document("x", "mine"),)


texts = st.lists(st.text(max_size=8), max_size=4)


@given(texts, texts)
def test_the_hash_tells_texts_apart(one, two):
    hashes = [text_hash(Document("any", text) for text in each) for each in (one, two)]
    assert (hashes[0] == hashes[1]) == (one == two)


@given(st.text(min_size=1, max_size=40))
def test_tokens_are_those_of_the_text_alone(text):
    language = tiny_gpt2()
    tokens = tokenise(language, Document("x", text))
    assert tokens.dtype.is_signed
    assert language.tokenizer.decode(tokens, clean_up_tokenization_spaces=False) == text
