"""Tiny models of many families, each with what makes its cache special."""

from functools import cache

from kvsplice_core.language.models import LanguageModel
from tests.language_models import CONTEXT, VOCABULARY, language_model, tiny_gpt2, tiny_llama

_COMMON = {
    "vocab_size": VOCABULARY,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 64,
    "intermediate_size": 96,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 256,
    "eos_token_id": 256,
}
_GROUPED = {**_COMMON, "num_key_value_heads": 2, "head_dim": 16}
SLIDING_WINDOW = 24


@cache
def tiny_qwen2() -> LanguageModel:
    """Return a model with biases in its projections."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(**_COMMON, num_key_value_heads=2)
    return language_model(Qwen2ForCausalLM, config, "tiny-qwen2")


@cache
def tiny_qwen3() -> LanguageModel:
    """Return a model that norms K before its rotary embedding, of a head_dim of its own."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(**{**_GROUPED, "head_dim": 32})
    return language_model(Qwen3ForCausalLM, config, "tiny-qwen3")


@cache
def tiny_gemma2() -> LanguageModel:
    """Return a model with a soft cap on its scores and a sliding layer."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(**_GROUPED, sliding_window=SLIDING_WINDOW, attn_logit_softcapping=5.0)
    return language_model(Gemma2ForCausalLM, config, "tiny-gemma2")


@cache
def tiny_gemma3() -> LanguageModel:
    """Return a model with a rotary embedding for each type of layer, the first one sliding."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    types = ["sliding_attention", "full_attention"]
    config = Gemma3TextConfig(**_GROUPED, sliding_window=SLIDING_WINDOW, layer_types=types)
    return language_model(Gemma3ForCausalLM, config, "tiny-gemma3")


@cache
def tiny_neox() -> LanguageModel:
    """Return a model that turns a quarter of the dimensions only."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    return language_model(GPTNeoXForCausalLM, GPTNeoXConfig(**_COMMON), "tiny-neox")


@cache
def tiny_smollm3() -> LanguageModel:
    """Return a model one layer of which has no rotary embedding."""
    from transformers import SmolLM3Config, SmolLM3ForCausalLM

    config = SmolLM3Config(
        **_COMMON, num_key_value_heads=2, no_rope_layers=[1, 0], pad_token_id=256
    )
    return language_model(SmolLM3ForCausalLM, config, "tiny-smollm3")


@cache
def tiny_gptj() -> LanguageModel:
    """Return a model whose rotary embedding lives inside attention."""
    from transformers import GPTJConfig, GPTJForCausalLM

    config = GPTJConfig(
        vocab_size=VOCABULARY, n_layer=2, n_head=4, n_embd=64, n_positions=CONTEXT, rotary_dim=8,
        bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    return language_model(GPTJForCausalLM, config, "tiny-gptj")


@cache
def tiny_gpt_oss() -> LanguageModel:
    """Return a model with attention sinks and a rotary embedding given by halves."""
    from transformers import GptOssConfig, GptOssForCausalLM

    config = GptOssConfig(
        **_GROUPED, num_local_experts=2, num_experts_per_tok=1, pad_token_id=256,
        layer_types=["sliding_attention", "full_attention"], sliding_window=SLIDING_WINDOW,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )  # fmt: skip
    return language_model(GptOssForCausalLM, config, "tiny-gpt-oss")


ROTARY = (tiny_llama, tiny_qwen2, tiny_qwen3, tiny_gemma2, tiny_gemma3, tiny_neox)
FAMILIES = (tiny_gpt2, *ROTARY, tiny_gpt_oss)
