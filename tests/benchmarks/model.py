"""A model's decoding through the compressed cache, and capturing, against the plain ways."""

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from kvsplice_core import run
from kvsplice_core.base.errors import KVSpliceError
from kvsplice_core.cache import folded
from kvsplice_core.cache.compressed import cache_for
from kvsplice_core.cache.decoding import read
from kvsplice_core.codec.card import Card
from kvsplice_core.codec.codec import Codec
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.data.capture import CaptureSpec
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.models import LanguageModel, load_model
from kvsplice_core.language.texts import Document, tokenise
from tests.benchmarks.measure import Measure, compare
from tests.kvsplice_core.makers import transform_of
from tests.language_models import language_model, some_documents

K, CONTEXT = 16, 1024
LENGTHS = (512, 1000)
CAPTURED = 8192


def measures() -> Iterator[Measure]:
    """Yield every measure of the language-model path."""
    language = the_model()
    for length in LENGTHS:
        yield from decode_measures(language, length)
    yield capture_measure(language)


def the_model() -> LanguageModel:
    """Return gpt2-mini, or where it is not bundled a random GPT-2 of its size."""
    try:
        return load_model(BUNDLED)
    except KVSpliceError:
        from transformers import GPT2Config, GPT2LMHeadModel

        sizes = {"n_layer": 4, "n_head": 4, "n_embd": 256, "n_positions": CONTEXT}
        config = GPT2Config(vocab_size=4096, bos_token_id=0, eos_token_id=0, **sizes)
        return language_model(GPT2LMHeadModel, config, "random, of gpt2-mini's size")


def decode_measures(language: LanguageModel, tokens: int) -> Iterator[Measure]:
    """Time a token through each strict cache and the dense one, by turns, behind `tokens`."""
    ids = random_ids(language, tokens + 1)
    dense = decoder(language.model, DynamicCache(), ids)
    pca, spline = card(language, Method.PCA), card(language, Method.SPLINE)
    where = f"behind {tokens} tokens, k = {K}"
    strict = cache_for(language.model, pca)
    yield compare(f"decode {where}, unfolded", decoder(language.model, strict, ids), dense, **TURNS)
    # Folding changes the model, so the folded one is a copy.
    model = copy.deepcopy(language.model)
    cache = cache_for(model, pca)
    with ExitStack() as stack:
        stack.enter_context(folded(model, cache))
        yield compare(f"decode {where}, folded", decoder(model, cache, ids), dense, **TURNS)
    bent = cache_for(language.model, spline)
    yield compare(f"decode {where}, Spline→PCA", decoder(language.model, bent, ids), dense, **TURNS)


TURNS = {"turns": 9, "burst": 6}


def random_ids(language: LanguageModel, count: int) -> Tensor:
    """Return seeded tokens (1, count)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(language.model.config.vocab_size, (1, count), generator=generator)


def decoder(model, cache, ids: Tensor) -> Callable[[], None]:
    """Return a function that decodes the last of `ids` behind the others, and takes it back."""
    read(model, ids[:, :-1], cache)

    @torch.no_grad()
    def decode() -> None:
        model(ids[:, -1:], past_key_values=cache)
        cache.crop(-1)

    return decode


def card(language: LanguageModel, method: Method) -> Card:
    """Return a card of V whose heads have codecs of `method`, fitted on random text."""
    cache = DynamicCache()
    read(language.model, random_ids(language, 512), cache)

    def codec(rows: Tensor) -> Codec:
        rows = rows.contiguous()
        transform = transform_of(method, rows, 0.3)
        return Codec(transform, fit_pca(transform.forward(rows)).projection(K))

    values = {
        layer: HeadCodecs(tuple(map(codec, held.values[0])), held.values.shape[1])
        for layer, held in enumerate(cache.layers)
    }
    return Card(
        language.facts, values=values, provenance=Provenance(training={"method": method.key})
    )


def capture_measure(language: LanguageModel) -> Measure:
    """Time a whole capture of V, disk included, and the plain forward over the same windows."""
    documents = long_documents(language)
    spec = CaptureSpec(tokens=CAPTURED, attention=False)

    @torch.inference_mode()
    def plain() -> None:
        for document in documents:
            ids = tokenise(language, document)[: CAPTURED // len(documents)]
            for window in torch.split(ids, min(language.context, CONTEXT)):
                language.model.base_model(input_ids=window[None], use_cache=False)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.safetensors"

        def ours() -> None:
            run(capture_vectors(language, documents, spec, path))

        return compare(f"capture V of {CAPTURED} tokens", ours, plain, turns=5, unit="s")


def long_documents(language: LanguageModel) -> tuple[Document, ...]:
    """Return two documents that together give as many tokens as are captured, and no more."""
    half = CAPTURED // 2
    documents = []
    for document in some_documents(2, length=8 * half):
        ids = tokenise(language, document)[:half]
        documents.append(Document(document.name, language.tokenizer.decode(ids)))
    return tuple(documents)
