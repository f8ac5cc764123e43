"""Documents that codecs were calibrated on are found one by one, whatever their names."""

from dataclasses import replace

import pytest

from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.language.texts import Document, text_hash
from kvsplice_core.proof.leakage import leaks_of_capture, leaks_of_card
from tests.language_models import pca_card, some_documents, tiny_gpt2
from tests.quality_samples import FACTS

DOCUMENTS = some_documents(3)


def capture_of(documents, *, hashed):
    spans = tuple(
        replace(FACTS.documents[0], name=one.name, sha256=one.sha256 if hashed else "")
        for one in documents
    )
    return replace(FACTS, documents=spans, text_sha256=text_hash(documents))


def card_of(documents, *, hashed):
    hashes = tuple(one.sha256 for one in documents) if hashed else ()
    made = Provenance(text_sha256=text_hash(documents), document_sha256=hashes)
    return replace(pca_card(tiny_gpt2(), 4), provenance=made)


@pytest.mark.parametrize(
    ("leaks", "make"), [(leaks_of_capture, capture_of), (leaks_of_card, card_of)]
)
class TestLeaks:
    def test_each_shared_document_is_named(self, leaks, make):
        made = make(DOCUMENTS[:2], hashed=True)
        again = Document("another name", DOCUMENTS[1].text)
        assert leaks(made, (DOCUMENTS[2], again)) == ("another name",)
        assert leaks(made, DOCUMENTS) == ("document-0", "document-1")
        assert leaks(made, DOCUMENTS[2:]) == ()

    def test_without_hashes_only_the_very_same_text_is_found(self, leaks, make):
        made = make(DOCUMENTS[:2], hashed=False)
        assert leaks(made, DOCUMENTS[:2]) == ("document-0", "document-1")
        assert leaks(made, DOCUMENTS[:1]) == ()
