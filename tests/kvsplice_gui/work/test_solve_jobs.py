"""Solving as a job: the model's own calibration books tell sensitivities where it has them."""

from kvsplice_core.language.texts import BundledText, documents_for
from kvsplice_gui.work.model_jobs import probes_of


def test_the_bundled_model_is_probed_on_its_calibration_books():
    probes = probes_of("gpt2-mini")
    held_out = documents_for("gpt2-mini", (), BundledText.HELDOUT)
    assert probes
    assert {one.sha256 for one in probes}.isdisjoint(one.sha256 for one in held_out)


def test_any_other_model_has_no_text_of_its_own():
    assert probes_of("some/model") == ()
