"""Light and dark: the colours, the type scale and the grid every widget and plot draws with."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

from kvsplice_gui.look.stylesheet import stylesheet
from kvsplice_gui.look.theme_choice import ThemeChoice

SPACING = 8
"""The grid, in pixels; half of it inside dense controls."""

CAPTION_PX = 11
BODY_PX = 13


@dataclass(frozen=True)
class Theme:
    """Colours as hexadecimal RGB; text on its ground has a contrast of at least 4.5.

    Parameters
    ----------
    name : str
        ``light`` or ``dark``.
    window, base, raised : str
        Grounds of the window, of fields and plots, and of buttons.
    text, muted : str
        Text, and text of less weight.
    grid, border, outline : str
        Lines in plots, between parts, and around fields (contrast at least 3).
    accent, on_accent, accent_soft : str
        The one accent, text on it, and its tint as a ground.
    good, warning, error : str
        Text of a gain, of a caution and of a failure.
    """

    name: str
    window: str
    base: str
    raised: str
    text: str
    muted: str
    grid: str
    border: str
    outline: str
    accent: str
    on_accent: str
    accent_soft: str
    good: str
    warning: str
    error: str

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than its ground."""
        return self.name == "dark"


# The accent is a violet because blue, vermilion and green belong to the methods.
LIGHT = Theme(
    name="light",
    window="#F4F5F7",
    base="#FFFFFF",
    raised="#FFFFFF",
    text="#1A1D24",
    muted="#596070",
    grid="#E4E7EC",
    border="#D9DDE4",
    outline="#888F9C",
    accent="#5B45C9",
    on_accent="#FFFFFF",
    accent_soft="#ECE9FB",
    good="#0B6E4F",
    warning="#8A5300",
    error="#B3261E",
)

DARK = Theme(
    name="dark",
    window="#14161B",
    base="#1B1E25",
    raised="#242832",
    text="#E9EBEF",
    muted="#A2A9B8",
    grid="#2B303A",
    border="#323844",
    outline="#737B8C",
    accent="#A898FF",
    on_accent="#15121F",
    accent_soft="#312C52",
    good="#5FD3A6",
    warning="#F2B653",
    error="#FF8F86",
)


def resolve_theme(choice: str) -> Theme:
    """Return the theme for ``system``, ``light`` or ``dark``; light where the system is silent.

    Raises
    ------
    ValueError
        If `choice` is none of the three.
    """
    wish = ThemeChoice(choice)
    if wish is ThemeChoice.SYSTEM:
        return DARK if _system_is_dark() else LIGHT
    return DARK if wish is ThemeChoice.DARK else LIGHT


def apply(app: QApplication, theme: Theme) -> None:
    """Restyle every widget of `app`: Fusion, own palette, own sheet."""
    sheet = stylesheet(theme)
    if app.styleSheet() == sheet:
        return  # Qt would still restyle every widget, in half a second
    app.setStyle("Fusion")
    font = app.font()
    font.setPixelSize(BODY_PX)
    app.setFont(font)
    app.setPalette(palette(theme))
    app.setStyleSheet(sheet)


def palette(theme: Theme) -> QPalette:
    """Return the palette Fusion draws with."""
    colours = QPalette()
    for role, colour in _roles(theme).items():
        colours.setColor(role, QColor(colour))
    disabled = QColor(theme.outline)
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        colours.setColor(QPalette.ColorGroup.Disabled, role, disabled)
    return colours


def plot_font(pixel_size: int = CAPTION_PX) -> QFont:
    """Return the application's font at a step of the type scale, for what plots paint."""
    font = QFont(QGuiApplication.font())
    font.setPixelSize(pixel_size)
    return font


def _roles(theme: Theme) -> dict[QPalette.ColorRole, str]:
    role = QPalette.ColorRole
    return {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.base,
        role.AlternateBase: theme.window,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.muted,
        role.Text: theme.text,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.error,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Link: theme.accent,
        role.LinkVisited: theme.accent,
        role.Light: theme.raised,
        role.Midlight: theme.border,
        role.Mid: theme.border,
        role.Dark: theme.outline,
        role.Shadow: theme.window,
    }


def _system_is_dark() -> bool:
    hints = QGuiApplication.styleHints()
    return hints is not None and hints.colorScheme() is Qt.ColorScheme.Dark
