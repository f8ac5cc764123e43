"""Tiny models that a test of quality needs beside the usual ones."""

from dataclasses import replace
from functools import cache

from kvsplice_core.language.models import LanguageModel
from tests.language_models import VOCABULARY, language_model


@cache
def long_gpt2() -> LanguageModel:
    """Return a GPT-2 that reads 512 tokens, of the shape of `tiny_gpt2`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY, n_layer=2, n_head=4, n_embd=64, n_positions=512,
        bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    return replace(language_model(GPT2LMHeadModel, config, "long-gpt2"), context=512)


@cache
def outside_the_interface() -> tuple[LanguageModel, ...]:
    """Return models that compute attention by themselves."""
    import transformers

    sizes = {"vocab_size": VOCABULARY, "hidden_size": 64, "bos_token_id": 256, "eos_token_id": 256}
    neo = transformers.GPTNeoConfig(
        **sizes, num_layers=2, num_heads=4, max_position_embeddings=128,
        attention_types=[[["global", "local"], 1]],
    )  # fmt: skip
    falcon = transformers.FalconConfig(**sizes, num_hidden_layers=2, num_attention_heads=4)
    bloom = transformers.BloomConfig(**sizes, n_layer=2, n_head=4, pad_token_id=256)
    return (
        language_model(transformers.GPTNeoForCausalLM, neo, "tiny-gpt-neo"),
        language_model(transformers.FalconForCausalLM, falcon, "tiny-falcon"),
        language_model(transformers.BloomForCausalLM, bloom, "tiny-bloom"),
    )
