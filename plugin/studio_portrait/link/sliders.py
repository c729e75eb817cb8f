"""The sliders, each described once: dialog, procedure, command line, presets and wire read this table.

A new one is a line here, a field of `wire.Settings`, and its meaning in `server/imaging/corrections.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

STORED: Final = 2  # format of settings in files; in the first one colour 1 meant what 0.6 means now


@dataclass(frozen=True)
class Slider:
    """One slider. least: its lower end, 0 or -1 (the upper one is 1). default: where it stands at first.

    label: what the dialog calls it, with ``_`` before the key that reaches it. about: what it does, one line.
    caption: the same in a few words, which stand below the label.
    """

    least: int
    default: float
    label: str
    about: str
    caption: str


# Shine and light stand below 1: blind judges found faces without any highlight flat. So does colour: skin
# tone and light cannot be told apart for certain, and a changed complexion is not forgiven.
SLIDERS = {
    "strength": Slider(
        0,
        1,
        "_Strength",
        "How much of all that stands below is applied. 0: the picture as it was.",
        "of everything below",
    ),
    "shine": Slider(
        0,
        0.6,
        "Sh_ine",
        "How much of the flash's shine on the skin is taken away. Red pupils turn black with it.",
        "glossy spots on skin",
    ),
    "light": Slider(
        0,
        0.6,
        "_Light",
        "How far the flash's harsh light and its shadows are evened out.",
        "harsh light, shadows",
    ),
    "colour": Slider(
        0,
        0.6,
        "C_olour",
        "How far red and orange blotches are evened out, and how much of a clear colour cast is taken away.",
        "blotches, colour cast",
    ),
    "warmth": Slider(
        -1,
        0,
        "_Warmth",
        "Your own taste: makes the person warmer (right) or cooler (left).",
        "cooler or warmer",
    ),
    "brightness": Slider(
        -1,
        0,
        "_Brightness",
        "Your own taste: makes the person lighter (right) or darker (left).",
        "darker or lighter",
    ),
}


def as_now(fields: dict[str, Any], form: object) -> dict[str, Any]:
    """Return settings that a file of this format has as the present one means them."""
    colour = fields.get("colour")
    if form == STORED or not isinstance(colour, (int, float)):
        return fields
    return {**fields, "colour": round(colour * 0.6, 3)}
