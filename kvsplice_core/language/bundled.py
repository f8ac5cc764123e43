"""The language model that comes with KVSplice, by name; free of torch and transformers."""

from __future__ import annotations

BUNDLED = "gpt2-mini"
"""The small GPT-2 that needs no network."""
