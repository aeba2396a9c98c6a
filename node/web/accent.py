"""A node's one colour as a stylesheet of its own: the content policy forbids styles inside a page."""

import re
from typing import Final

_DEFAULT: Final = "#0b5c66"
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_WHITE: Final = "#ffffff"
_BLACK: Final = "#111418"


def stylesheet(colour: str) -> str:
    """Return the custom properties for an accent `#rrggbb`, with the ink that can be read on it (WCAG contrast)."""
    accent = colour if _HEX.fullmatch(colour) else _DEFAULT
    return f":root{{--accent:{accent};--accent-ink:{ink_on(accent)}}}\n"


def ink_on(colour: str) -> str:
    """Return white or near-black, whichever stands out more from the colour."""
    return max((_WHITE, _BLACK), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB (IEC 61966)
