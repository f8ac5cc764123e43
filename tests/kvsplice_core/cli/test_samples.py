"""``kvsplice samples`` lists what can be given as DATA."""

from kvsplice_core.data.samples import SAMPLES


def test_every_sample_stands_with_its_description(kvsplice):
    outcome = kvsplice("samples")
    assert outcome.status == 0
    for name, description in SAMPLES.items():
        assert any(name in line and description in line for line in outcome.out.splitlines())
