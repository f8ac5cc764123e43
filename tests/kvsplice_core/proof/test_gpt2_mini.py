"""The same on the bundled model, which has learnt something that compression can spoil."""

import pytest

from kvsplice_core.base.progress import run
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.capture import CaptureSpec
from kvsplice_core.data.capture_file import open_capture
from kvsplice_core.fit.card import CardSpec, fit_card
from kvsplice_core.language.bundled import BUNDLED
from kvsplice_core.language.capture import capture_vectors
from kvsplice_core.language.models import load_model
from kvsplice_core.language.texts import BundledText, bundled_documents
from kvsplice_core.proof.audit import audit
from kvsplice_core.proof.evaluation import evaluate
from kvsplice_core.proof.reading import CacheReader
from kvsplice_core.proof.windows import text_windows
from kvsplice_core.tasks.evaluate import EvalSpec
from kvsplice_core.tasks.training import CalibrationSpec
from tests.kvsplice_core.proof.fakes import FAKES, originals_beyond

pytestmark = pytest.mark.slow
SPEC = EvalSpec(tokens=3_000, tensor_tokens=512, continuation_tokens=8)


@pytest.fixture(scope="module")
def language():
    return load_model(BUNDLED)


@pytest.fixture(scope="module")
def held_out():
    return bundled_documents(BundledText.HELDOUT)


@pytest.fixture(scope="module")
def card_at(language, tmp_path_factory):
    path = tmp_path_factory.mktemp("capture") / "capture.safetensors"
    run(
        capture_vectors(
            language, bundled_documents(BundledText.CALIBRATION), CaptureSpec(4_096), path
        )
    )

    def made(k, **options):
        calibration = CalibrationSpec(method=Method.PCA, k=k, device="cpu")
        return run(fit_card(open_capture(path), CardSpec(calibration, **options)))

    return made


def test_less_kept_costs_more_and_every_control_passes(language, held_out, card_at):
    few, many = (run(evaluate(language, card_at(k), held_out, SPEC)) for k in (4, 24))
    assert few.is_valid
    assert many.is_valid
    assert few.quality.perplexity_base.value < 200
    assert few.quality.delta_nll.low > 0
    assert few.quality.kl.low > 10 * many.quality.kl.high
    assert few.quality.top1.high < many.quality.top1.low
    assert few.stored_bytes < many.stored_bytes < many.dense_bytes


@pytest.mark.parametrize("k", [2, 16])
@pytest.mark.parametrize("mode", ["strict", "window"])
@pytest.mark.parametrize("name", FAKES)
def test_fakes_are_exposed(language, held_out, card_at, k, mode, name):
    windows = text_windows(language, held_out, 3_000)
    reader = CacheReader.of(language, EvalSpec(mode=mode), FAKES[name])
    controls = run(audit(reader, card_at(k), windows)).controls
    assert "reads" in {control.key for control in controls if not control.passed}


@pytest.mark.parametrize("k", [8, 9, 15])
def test_a_poor_card_in_an_honest_cache_is_no_failure(language, held_out, card_at, k):
    card = card_at(k, budget=16, pool_heads=True)
    controls = run(audit(CacheReader(language), card, text_windows(language, held_out, 1_500)))
    assert all(control.passed for control in controls.controls)


@pytest.mark.parametrize("mode", ["strict", "window"])
def test_originals_on_long_passes_are_exposed(language, held_out, card_at, mode):
    reader = CacheReader.of(language, EvalSpec(mode=mode), originals_beyond(200))
    found = run(audit(reader, card_at(8), text_windows(language, held_out, 3_000)))
    assert {"chunks", "reads"} <= {one.key for one in found.controls if not one.passed}
