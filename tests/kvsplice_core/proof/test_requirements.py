"""What cannot be proven is refused before anything is measured."""

import copy
from dataclasses import replace

import pytest
import torch

from kvsplice_core.base.errors import LanguageModelError, SpecError
from kvsplice_core.base.progress import run
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.requirements import require_compressed, require_provable, require_seen
from kvsplice_core.proof.windows import TextWindow, text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from tests.kvsplice_core.language.families import FAMILIES, tiny_gptj
from tests.kvsplice_core.proof.models import outside_the_interface
from tests.language_models import pca_card, some_documents, tiny_gpt2

IDS = torch.arange(2, 14)[None]


@pytest.mark.parametrize("make", FAMILIES)
def test_models_within_the_interface_are_seen(make):
    require_seen(make(), IDS)


def test_models_outside_the_interface_are_refused():
    for language in (tiny_gptj(), *outside_the_interface()):
        with pytest.raises(LanguageModelError, match="outside transformers' interface") as refused:
            require_seen(language, IDS)
        assert language.name in str(refused.value)


def test_an_evaluation_refuses_them_before_the_audit():
    language = tiny_gptj()
    work = evaluate(language, pca_card(language, 8), some_documents(2))
    with pytest.raises(LanguageModelError, match="outside transformers' interface"):
        run(work, lambda step: pytest.fail(step.text) if "audit" in step.text else None)


def test_a_model_that_predicts_nan_is_one_sentence():
    model = copy.deepcopy(tiny_gpt2().model)
    model.transformer.ln_f.weight.fill_(torch.nan)
    with pytest.raises(LanguageModelError, match="it predicts NaN"):
        require_seen(replace(tiny_gpt2(), model=model), IDS)


@pytest.mark.parametrize(("tokens", "refused"), [(40, True), (41, True), (42, False)])
def test_a_window_that_leaves_nothing_compressed_is_refused(tokens, refused):
    reader = CacheReader.of(tiny_gpt2(), EvalSpec(mode="window", window=36))
    windows = [TextWindow("a", 0, torch.zeros(1, n, dtype=torch.int64)) for n in (3, tokens)]
    if not refused:
        require_compressed(reader, windows)
        return
    with pytest.raises(SpecError, match=f"at least 42 tokens is required; .* {tokens}$"):
        require_compressed(reader, windows)


def test_a_window_just_short_enough_changes_what_is_predicted():
    language = tiny_gpt2()
    windows = text_windows(language, some_documents(1), 42)
    reader = CacheReader.of(language, EvalSpec(mode="window", window=36))
    require_provable(reader, windows)
    card = pca_card(language, 2)
    wider = CacheReader.of(language, EvalSpec(mode="window", window=37))
    ours, raw = (one.log_probs(card, windows[0].ids) for one in (reader, wider))
    changed = (ours - raw).abs().amax(-1) > 1e-4
    assert changed.tolist() == [False] * 40 + [True]


def test_a_strict_text_may_be_short():
    require_compressed(CacheReader(tiny_gpt2()), [TextWindow("a", 0, IDS[:, :2])])
