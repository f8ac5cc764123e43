"""A measurement made of plain numbers."""

from types import SimpleNamespace
from typing import cast

from kvsplice_core.base.model_facts import ModelFacts
from kvsplice_core.codec.card import Card
from kvsplice_core.codec.kinds import Method
from kvsplice_core.tasks.measure import DecodeCost, HeldBytes, MeasuredMemory, MemoryPoint
from kvsplice_core.tasks.training import CalibrationSpec
from kvsplice_gui.state.findings import CardKey, Measurement, MeasureWish

FACTS = ModelFacts("gpt2-mini", "0" * 64, layers=4, kv_heads=4, head_dim=64)


def make_point(tokens, k=16, off=0):
    """Return the caches of gpt2-mini in 2-byte numbers; the real one holds `off` bytes more."""
    side = FACTS.layers * FACTS.kv_heads * 64 * (k + 1) * 4  # basis and mean of PCA, fp32
    numbers = FACTS.layers * FACTS.kv_heads * tokens * 2
    dense = HeldBytes(numbers * 64, numbers * 64)
    formula = HeldBytes(numbers * 64, numbers * k, side=side)
    held = HeldBytes(numbers * 64, numbers * k, side=side + off)
    return MemoryPoint(tokens, dense, held, dense, formula)


def make_measurement(method=Method.PCA, k=16, off=0, **wish):
    """Return a measurement of gpt2-mini at 64, 128 and 256 tokens; folded decoding is fastest."""
    key = CardKey("made.safetensors", CalibrationSpec(method=method, k=k), "v", 120_000)
    costs = tuple(
        DecodeCost(cache, seconds, 0.9 * seconds, 1.2 * seconds, 2**20, 2**21)
        for cache, seconds in (("dense", 0.010), ("compressed", 0.013), ("folded", 0.009))
    )
    result = MeasuredMemory(
        model="gpt2-mini",
        card=f"{method.label} k = {k}, V",
        compresses="V",
        dtype="bfloat16",
        device="cpu",
        points=tuple(make_point(tokens, k, off) for tokens in (64, 128, 256)),
        break_even_tokens=72,
        decode_tokens=512,
        batch=1,
        costs=costs,
        why_not_folded="",
        verdict=("It holds less.", "It is slower."),
    )
    card = cast("Card", SimpleNamespace(model=FACTS))
    plain = {"element_bytes": 2, "tokens": 1024, "batch": 1}
    return Measurement(result, card, MeasureWish(key, "gpt2-mini", **plain | wish))
