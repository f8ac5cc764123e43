"""The picture names every stage on the way, in order."""

from matplotlib.text import Text

from kvsplice_core.report.figures.architecture import architecture_diagram


def test_stages_stand_from_left_to_right():
    texts = {t.get_text(): t.get_position()[0] for t in architecture_diagram().findobj(Text)}
    way = ["V", "spline", "PCA", "KV cache", "PCAᵀ", "spline⁻¹", r"$\mathbf{\hat{V}}$"]
    places = [texts[name] for name in way]
    assert places == sorted(places)
    assert len(set(places)) == len(way)


def test_side_information_is_named():
    texts = " ".join(t.get_text() for t in architecture_diagram().findobj(Text))
    for part in ("knots and slopes", "basis", "mean", "K stays dense"):
        assert part in texts
