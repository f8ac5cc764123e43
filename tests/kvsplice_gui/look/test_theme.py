import pytest
from PyQt6.QtCore import QFile
from PyQt6.QtGui import QColor, QPalette

from kvsplice_gui.look import theme as themes
from kvsplice_gui.look.theme import DARK, LIGHT, palette, resolve_theme

BOTH = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def luminance(colour):
    channels = QColor(colour).getRgbF()[:3]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@BOTH
@pytest.mark.parametrize("ground", ["window", "base", "raised"])
@pytest.mark.parametrize("text", ["text", "muted", "accent", "good", "warning", "error"])
def test_text_has_contrast_aa(theme, ground, text):
    assert contrast(getattr(theme, text), getattr(theme, ground)) >= 4.5


@BOTH
def test_text_on_the_accent_has_contrast_aa(theme):
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.text, theme.accent_soft) >= 4.5
    assert contrast(theme.accent, theme.accent_soft) >= 4.5


@BOTH
def test_fields_and_the_focus_ring_stand_out(theme):
    assert contrast(theme.outline, theme.base) >= 3
    assert contrast(theme.accent, theme.window) >= 3


@BOTH
def test_the_palette_follows_the_theme(theme):
    colours = palette(theme)
    assert colours.color(QPalette.ColorRole.Base) == QColor(theme.base)
    assert colours.color(QPalette.ColorRole.Highlight) == QColor(theme.accent)


def test_resolve_theme():
    assert resolve_theme("light") is LIGHT
    assert resolve_theme("dark") is DARK
    assert resolve_theme("system") in (LIGHT, DARK)
    with pytest.raises(ValueError, match="sepia"):
        resolve_theme("sepia")


@BOTH
def test_apply_restyles_the_application(qapp, theme):
    before = qapp.palette(), qapp.styleSheet(), qapp.font()
    try:
        themes.apply(qapp, theme)
        assert theme.accent in qapp.styleSheet()
        assert "$" not in qapp.styleSheet()
        assert qapp.font().pixelSize() == themes.BODY_PX
    finally:
        qapp.setPalette(before[0])
        qapp.setStyleSheet(before[1])
        qapp.setFont(before[2])


@BOTH
def test_every_icon_of_the_sheet_exists(theme):
    sheet = themes.stylesheet(theme)
    names = [part.split(")")[0] for part in sheet.split("url(")[1:]]
    assert len(names) >= 3
    assert all(QFile.exists(name) for name in names)
