"""The constants of GIMP 2's ``gimpenums``, with the values of the running GIMP.

Every enumeration of libgimp is taken from its introspection data under its C name
without ``GIMP_`` (``RGB``, ``LAYER_MODE_NORMAL``, ``FILL_WHITE``); `OLD_NAMES` adds the
names that GIMP 2.10 still accepted and GIMP 3 dropped. Use names, not numbers: many
numbers have changed.
"""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

_LEGACY_MODES = [
    "NORMAL",
    "DISSOLVE",
    "BEHIND",
    "MULTIPLY",
    "SCREEN",
    "OVERLAY",
    "DIFFERENCE",
    "ADDITION",
    "SUBTRACT",
    "DARKEN_ONLY",
    "LIGHTEN_ONLY",
    "DIVIDE",
    "DODGE",
    "BURN",
    "HARDLIGHT",
    "SOFTLIGHT",
    "GRAIN_EXTRACT",
    "GRAIN_MERGE",
    "COLOR_ERASE",
    "ERASE",
    "REPLACE",
]
_RENAMED_MODES = {
    "HUE_MODE": "LAYER_MODE_HSV_HUE_LEGACY",
    "SATURATION_MODE": "LAYER_MODE_HSV_SATURATION_LEGACY",
    "COLOR_MODE": "LAYER_MODE_HSL_COLOR_LEGACY",
    "VALUE_MODE": "LAYER_MODE_HSV_VALUE_LEGACY",
}

OLD_NAMES = {
    "FOREGROUND_FILL": "FILL_FOREGROUND",
    "BACKGROUND_FILL": "FILL_BACKGROUND",
    "WHITE_FILL": "FILL_WHITE",
    "TRANSPARENT_FILL": "FILL_TRANSPARENT",
    "PATTERN_FILL": "FILL_PATTERN",
    "NO_FILL": "FILL_TRANSPARENT",
    "ADD_WHITE_MASK": "ADD_MASK_WHITE",
    "ADD_BLACK_MASK": "ADD_MASK_BLACK",
    "ADD_ALPHA_MASK": "ADD_MASK_ALPHA",
    "ADD_ALPHA_TRANSFER_MASK": "ADD_MASK_ALPHA_TRANSFER",
    "ADD_SELECTION_MASK": "ADD_MASK_SELECTION",
    "ADD_COPY_MASK": "ADD_MASK_COPY",
    "ADD_CHANNEL_MASK": "ADD_MASK_CHANNEL",
    "RED_CHANNEL": "CHANNEL_RED",
    "GREEN_CHANNEL": "CHANNEL_GREEN",
    "BLUE_CHANNEL": "CHANNEL_BLUE",
    "GRAY_CHANNEL": "CHANNEL_GRAY",
    "INDEXED_CHANNEL": "CHANNEL_INDEXED",
    "ALPHA_CHANNEL": "CHANNEL_ALPHA",
    "NO_DITHER": "CONVERT_DITHER_NONE",
    "FS_DITHER": "CONVERT_DITHER_FS",
    "FSLOWBLEED_DITHER": "CONVERT_DITHER_FS_LOWBLEED",
    "FIXED_DITHER": "CONVERT_DITHER_FIXED",
    "MAKE_PALETTE": "CONVERT_PALETTE_GENERATE",
    "WEB_PALETTE": "CONVERT_PALETTE_WEB",
    "MONO_PALETTE": "CONVERT_PALETTE_MONO",
    "CUSTOM_PALETTE": "CONVERT_PALETTE_CUSTOM",
    "HORIZONTAL_GUIDE": "ORIENTATION_HORIZONTAL",
    "DESATURATE_LUMINOSITY": "DESATURATE_LUMA",
}


def _values(kind: type) -> list[Any]:
    """The members of an enumeration or flags type, with older and newer PyGObject."""
    table = getattr(kind, "__enum_values__", None) or getattr(kind, "__flags_values__", None)
    return list(table.values()) if table else list(kind)  # type: ignore[call-overload]


def _c_name(value: Any) -> str:
    name = getattr(value, "value_name", None) or next(iter(getattr(value, "value_names", [])), "")
    return str(name).removeprefix("GIMP_")


def collect() -> dict[str, int]:
    """Name to value of everything that ``gimpenums`` would export."""
    names: dict[str, int] = {"TRUE": 1, "FALSE": 0}
    for name in dir(Gimp):
        kind = getattr(Gimp, name, None)
        if isinstance(kind, type) and issubclass(kind, (GObject.GEnum, GObject.GFlags)):
            for value in _values(kind):
                names.setdefault(_c_name(value), value)
    names.pop("", None)
    for mode in _LEGACY_MODES:
        native = names.get(f"LAYER_MODE_{mode}_LEGACY", names.get(f"LAYER_MODE_{mode}"))
        if native is not None:
            names[f"{mode}_MODE"] = native
    for old, new in {**OLD_NAMES, **_RENAMED_MODES}.items():
        if new in names:
            names.setdefault(old, names[new])
    return names
