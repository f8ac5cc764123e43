import pytest

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.kinds import Decoding


def test_every_decoder_is_found_by_its_key():
    assert [Decoding.of(kind.key) for kind in Decoding] == list(Decoding)
    assert len({kind.label for kind in Decoding}) == len(Decoding)


def test_an_unknown_key_names_the_known_ones():
    with pytest.raises(SpecError, match="linear, quadratic, polynomial, mlp; got 'cubic'"):
        Decoding.of("cubic")


@pytest.mark.parametrize(
    "option",
    [
        {"degree": 1},
        {"degree": 8},
        {"features": 0},
        {"features": 8_193},
        {"epochs": 0},
        {"hidden": 0},
        {"hidden": 4_097},
        {"seed": -1},
    ],
)
def test_numbers_out_of_range_are_refused(option):
    with pytest.raises(SpecError, match=f"got {next(iter(option.values()))}$"):
        DecoderSpec(**option)
