"""A sweep cut short gives the same rows as a whole one, in the same order."""

from kvsplice_core.base.progress import run
from kvsplice_core.cli.sweep import FinishedRows
from kvsplice_core.codec.kinds import Method
from kvsplice_core.data.vectors import load_values
from kvsplice_core.tasks.sweep import SweepSpec
from kvsplice_core.tasks.training import CalibrationSpec


def test_all_steps_collected_are_the_result(vectors):
    from kvsplice_core import sweep

    values = load_values(vectors)
    spec = SweepSpec(
        methods=(Method.SPLINE,),
        ks=(1, 2, 4),
        first_k=2,
        calibration=CalibrationSpec(epochs=1, device="cpu"),
    )
    finished = FinishedRows(values, spec)
    whole = run(sweep(values, spec), finished.add)
    kept = finished.result()
    assert kept.rows == whole.rows
    assert kept.pca_curve == whole.pca_curve
    assert (kept.train_vectors, kept.test_vectors) == (whole.train_vectors, whole.test_vectors)
    assert kept.versions == whole.versions
