"""Windows cover the beginnings of all documents within the budget."""

import pytest
import torch

from kvsplice_core.base.errors import DataError, SpecError
from kvsplice_core.language.texts import Document, tokenise
from kvsplice_core.proof.windows import text_windows
from tests.language_models import CONTEXT, some_documents, starting_with_end, tiny_gpt2


@pytest.mark.parametrize("tokens", [40, 333, 1_000, 10_000])
def test_windows_join_to_the_beginning_of_every_document(tokens):
    language, documents = tiny_gpt2(), some_documents(3, 500)
    windows = text_windows(language, documents, tokens)
    assert sum(window.tokens for window in windows) <= tokens
    assert {window.index for window in windows} == {0, 1, 2}
    for i, document in enumerate(documents):
        read = torch.cat([window.ids[0] for window in windows if window.index == i])
        assert torch.equal(read, tokenise(language, document)[: len(read)])
    assert max(window.tokens for window in windows) <= CONTEXT


def test_longer_documents_get_more():
    long, short = Document("long", "x" * 900), Document("short", "y" * 100)
    windows = text_windows(tiny_gpt2(), (long, short), 200)
    read = [sum(w.tokens for w in windows if w.index == i) for i in (0, 1)]
    assert read[0] > 4 * read[1] > 0


def test_a_wished_context_cuts_windows():
    windows = text_windows(tiny_gpt2(), some_documents(1, 100), 100, context=30)
    assert [window.tokens for window in windows] == [30, 30, 30, 10]


def test_more_context_than_the_model_reads_is_refused():
    with pytest.raises(SpecError, match="between 1 and the 128 tokens"):
        text_windows(tiny_gpt2(), some_documents(1), 100, context=CONTEXT + 1)


def test_text_without_a_token_to_predict_is_refused():
    with pytest.raises(DataError, match="at least 2 tokens"):
        text_windows(tiny_gpt2(), (Document("a", "x"), Document("b", "y")), 100)


def test_a_text_given_twice_is_refused():
    first, second = some_documents(2)
    again = Document("copy", first.text + "\n")
    with pytest.raises(DataError, match="document-0 and copy are the same"):
        text_windows(tiny_gpt2(), (first, second, again), 100)


def test_names_may_repeat():
    same = tuple(Document("same", document.text) for document in some_documents(2))
    assert {window.index for window in text_windows(tiny_gpt2(), same, 100)} == {0, 1}


def test_every_window_begins_as_the_tokenizer_begins_a_text():
    windows = text_windows(starting_with_end(), some_documents(1, 100), 60, context=31)
    assert [window.ids[0, 0].item() for window in windows] == [256, 256]
    assert [window.tokens for window in windows] == [31, 31]
