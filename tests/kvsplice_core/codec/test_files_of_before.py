"""Files that earlier versions wrote still load, and give back what they gave then."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kvsplice_core import UpdateSpec, adapt, load_card, load_codec, load_history
from kvsplice_core import run as run_all
from kvsplice_core.codec.kinds import Decoding, KnotPlacement, Method, Quantization
from kvsplice_core.fit.provenance import training_of
from tests.kvsplice_core.makers import bent_rows, values_of
from tests.language_models import some_documents

DATA = Path(__file__).parents[2] / "data"


def require_same(name, coder):
    then = load_file(DATA / f"{name}-outputs.safetensors")
    stored = coder.encode(then["x"])
    assert stored.dtype is then["stored"].dtype
    torch.testing.assert_close(coder.decode(then["stored"], torch.float32), then["restored"])
    if stored.is_floating_point():
        torch.testing.assert_close(stored, then["stored"])
    else:  # another machine may round a number to the level beside it
        assert (stored != then["stored"]).float().mean() < 0.1


@pytest.mark.parametrize(
    ("name", "method", "quantization"),
    [
        ("codec-2", Method.SPLINE, None),
        ("entropy-2", Method.PCA, Quantization.ENTROPY_CODED),
    ],
)
def test_codecs_give_back_what_they_gave(name, method, quantization):
    codec = load_codec(DATA / f"{name}.safetensors")
    assert (codec.method, codec.decoding) == (method, Decoding.LINEAR)
    assert codec.quantization is quantization
    require_same(name, codec)


def test_a_card_gives_back_what_it_gave():
    card = load_card(DATA / "card-2.safetensors")
    assert card.title == "heads joined · PCA · Lloyd–Max, V 5.01 bits"
    assert card.values[0].codecs[0].quantization is Quantization.LLOYD_MAX
    assert [score.kept for score in card.scores] == ["joined+lloyd-max"]
    require_same("card-2", card.values[0])


def test_they_still_say_where_they_come_from():
    codec, entropy = (load_codec(DATA / f"{name}-2.safetensors") for name in ("codec", "entropy"))
    made = training_of(codec.provenance)
    assert (made.method, made.knots, made.epochs) == (Method.SPLINE, 6, 30)
    assert made.knot_placement is KnotPlacement.LEARNT
    assert codec.provenance.data == "array"
    assert codec.provenance.train_vectors == 600
    assert entropy.provenance.kept == "entropy-coded"
    assert entropy.provenance.notes["budget_bits"] == 10.0
    card = load_card(DATA / "card-2.safetensors").provenance
    assert card.documents == tuple(f"document-{i}" for i in range(4))
    assert card.document_sha256 == tuple(one.sha256 for one in some_documents())
    assert (card.tokens, card.counted_tokens, card.pipeline) == (600, 131_072, "joined+lloyd-max")


def test_a_codec_of_before_can_be_updated():
    path = DATA / "codec-2.safetensors"
    codec, history = load_codec(path), load_history(path)
    spec = UpdateSpec(epochs=1, device="cpu")
    adapted = run_all(adapt(codec, history, values_of(bent_rows(160, 4, seed=2)), spec))
    assert adapted.vectors > history.moments.count
    assert adapted.codec.dim == 4
    assert adapted.codec.provenance.updates == 1
