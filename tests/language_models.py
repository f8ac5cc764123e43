"""Small random language models with a byte tokenizer, for tests that need the real machinery."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from kvsplice_core.codec.card import Card
from kvsplice_core.codec.heads import HeadCodecs
from kvsplice_core.codec.kinds import Method
from kvsplice_core.codec.pca import fit_pca
from kvsplice_core.codec.provenance import Provenance
from kvsplice_core.data.model_shape import shape_of_config
from kvsplice_core.language.models import LanguageModel, weights_hash
from kvsplice_core.language.texts import Document

VOCABULARY = 257
CONTEXT = 128


@cache
def tiny_gpt2() -> LanguageModel:
    """Return a GPT-2 of 2 layers and 4 heads of 16, weights large enough for V to matter."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY, n_layer=2, n_head=4, n_embd=64, n_positions=CONTEXT,
        bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    return language_model(GPT2LMHeadModel, config, "tiny-gpt2")


@cache
def tiny_llama() -> LanguageModel:
    """Return a Llama of 2 layers, 4 query heads and 2 KV heads of 16, with rotary K."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        hidden_size=64, intermediate_size=96, max_position_embeddings=CONTEXT,
        bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    return language_model(LlamaForCausalLM, config, "tiny-llama")


def language_model(kind: Any, config: Any, name: str, seed: int = 0) -> LanguageModel:
    """Build a random model of a transformers class; its matrices are five times the usual."""
    torch.manual_seed(seed)
    model = kind(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(5)
    shape = shape_of_config(config.to_dict(), name)
    return LanguageModel(name, model, byte_tokenizer(), weights_hash(model), shape, CONTEXT)


@cache
def starting_with_end() -> LanguageModel:
    """Return the GPT-2 with a tokenizer that puts the end of text before every text."""
    from tokenizers import processors

    tokenizer = copy.deepcopy(byte_tokenizer())
    template = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 256)])
    tokenizer.backend_tokenizer.post_processor = template
    return replace(tiny_gpt2(), tokenizer=tokenizer)


@cache
def byte_tokenizer() -> Any:
    """Return a tokenizer of one token a byte, and an end of text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(alphabet)} | {"<|end|>": 256}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|end|>", eos_token="<|end|>"
    )


def some_documents(count: int = 4, length: int = 400) -> tuple[Document, ...]:
    """Return documents of pseudo-words, each different."""
    words = ("the", "of", "and", "king", "shall", "lord", "thee", "said", "unto", "his", "heart")
    documents = []
    for i in range(count):
        generator = torch.Generator().manual_seed(i)
        picks = torch.randint(len(words), (length,), generator=generator).tolist()
        text = " ".join(words[pick] for pick in picks)[:length]
        documents.append(Document(f"document-{i}", text))
    return tuple(documents)


@torch.no_grad()
def pca_card(language: LanguageModel, k: int, *, values: bool = True, keys: bool = False) -> Card:
    """Return per-head PCA codecs fitted on what the model's cache holds for one document."""
    from transformers.cache_utils import DynamicCache

    ids = torch.tensor([language.tokenizer(some_documents(1)[0].text)["input_ids"][:CONTEXT]])
    cache = DynamicCache()
    language.model(ids, past_key_values=cache)

    def fitted(name: str) -> dict[int, HeadCodecs]:
        return {
            layer: HeadCodecs(
                tuple(_codec(x, k) for x in getattr(held, name)[0]), held.keys.shape[1]
            )
            for layer, held in enumerate(cache.layers)
        }

    return Card(
        language.facts,
        values=fitted("values") if values else {},
        keys=fitted("keys") if keys else {},
        provenance=Provenance(training={"method": Method.PCA.key}),
    )


def _codec(rows: torch.Tensor, k: int) -> Any:
    from kvsplice_core.codec.codec import Codec
    from kvsplice_core.codec.transforms.identity import Identity

    pca = fit_pca(rows.contiguous())
    return Codec(Identity(pca.dim), pca.projection(k))
