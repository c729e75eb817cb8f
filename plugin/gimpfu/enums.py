"""The constants of GIMP 2's ``gimpenums``, with GIMP 2's numbers, and the way to GIMP 3's.

Every enumeration of libgimp is taken from its introspection data under its C name
without ``GIMP_`` (``RGB``, ``LAYER_MODE_NORMAL``, ``FILL_WHITE``); `OLD_NAMES` adds the
names that GIMP 2.10 still accepted and GIMP 3 dropped, `GONE` those whose enumeration is
gone. Scripts write numbers, too, so a few enumerations whose numbers moved (`MOVED`) keep
GIMP 2's: they are translated where a value goes to GIMP or comes from it. What only GIMP 3
has is there as GIMP 3's own enumerator.
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
    "ALL_HUES": "HUE_RANGE_ALL",
    "RED_HUES": "HUE_RANGE_RED",
    "YELLOW_HUES": "HUE_RANGE_YELLOW",
    "GREEN_HUES": "HUE_RANGE_GREEN",
    "CYAN_HUES": "HUE_RANGE_CYAN",
    "BLUE_HUES": "HUE_RANGE_BLUE",
    "MAGENTA_HUES": "HUE_RANGE_MAGENTA",
    "SHADOWS": "TRANSFER_SHADOWS",
    "MIDTONES": "TRANSFER_MIDTONES",
    "HIGHLIGHTS": "TRANSFER_HIGHLIGHTS",
    "IMAGE_CLONE": "CLONE_IMAGE",
    "PATTERN_CLONE": "CLONE_PATTERN",
    "BLUR_CONVOLVE": "CONVOLVE_BLUR",
    "SHARPEN_CONVOLVE": "CONVOLVE_SHARPEN",
    "DODGE": "DODGE_BURN_TYPE_DODGE",
    "BURN": "DODGE_BURN_TYPE_BURN",
    "INTERPOLATION_LANCZOS": "INTERPOLATION_NOHALO",
    "ROTATE_90": "ROTATE_DEGREES90",
    "ROTATE_180": "ROTATE_DEGREES180",
    "ROTATE_270": "ROTATE_DEGREES270",
    "SELECT_CRITERION_R": "SELECT_CRITERION_RGB_RED",
    "SELECT_CRITERION_G": "SELECT_CRITERION_RGB_GREEN",
    "SELECT_CRITERION_B": "SELECT_CRITERION_RGB_BLUE",
    "SELECT_CRITERION_H": "SELECT_CRITERION_HSV_HUE",
    "SELECT_CRITERION_S": "SELECT_CRITERION_HSV_SATURATION",
    "SELECT_CRITERION_V": "SELECT_CRITERION_HSV_VALUE",
    "SELECT_CRITERION_A": "SELECT_CRITERION_ALPHA",
    "SELECT_CRITERION_LCH_L": "SELECT_CRITERION_LCH_LIGHTNESS",
    "SELECT_CRITERION_LCH_C": "SELECT_CRITERION_LCH_CHROMA",
    "SELECT_CRITERION_LCH_H": "SELECT_CRITERION_LCH_HUE",
    "VECTORS_STROKE_TYPE_BEZIER": "PATH_STROKE_TYPE_BEZIER",
    **{
        f"PRECISION_{kind}_GAMMA": f"PRECISION_{kind}_NON_LINEAR"
        for kind in ("U8", "U16", "U32", "HALF", "FLOAT")
    },
    "PIXELS": "UNIT_PIXEL",
}

# Enumerations that GIMP 3 has no more: blend and bucket fill modes, units, kinds of values.
GONE = {
    "FG_BG_RGB_MODE": 0,
    "FG_BG_HSV_MODE": 1,
    "FG_TRANSPARENT_MODE": 2,
    "CUSTOM_MODE": 3,
    "BLEND_FG_BG_RGB": 0,
    "BLEND_FG_BG_HSV": 1,
    "BLEND_FG_TRANSPARENT": 2,
    "BLEND_CUSTOM": 3,
    "FG_BUCKET_FILL": 0,
    "BG_BUCKET_FILL": 1,
    "PATTERN_BUCKET_FILL": 2,
    "BUCKET_FILL_FG": 0,
    "BUCKET_FILL_BG": 1,
    "BUCKET_FILL_PATTERN": 2,
    "CONVERT_PALETTE_REUSE": 1,
    "REUSE_PALETTE": 1,
    "OFFSET_BACKGROUND": 0,
    "FOREGROUND_EXTRACT_SIOX": 0,
    "UNIT_PIXEL": 0,
    "UNIT_INCH": 1,
    "UNIT_MM": 2,
    "UNIT_POINT": 3,
    "UNIT_PICA": 4,
    "POINTS": 1,
    "PARASITE_PERSISTENT": 1,
    "PARASITE_UNDOABLE": 2,
    "EXPORT_CAN_HANDLE_RGB": 1,
    "EXPORT_CAN_HANDLE_GRAY": 2,
    "EXPORT_CAN_HANDLE_INDEXED": 4,
    "EXPORT_CAN_HANDLE_BITMAP": 8,
    "EXPORT_CAN_HANDLE_ALPHA": 16,
    "EXPORT_CAN_HANDLE_LAYERS": 32,
    "EXPORT_CAN_HANDLE_LAYERS_AS_ANIMATION": 64,
    "EXPORT_CAN_HANDLE_LAYER_MASKS": 128,
    "EXPORT_NEEDS_ALPHA": 256,
    "EXPORT_NEEDS_CROP": 512,
    "EXPORT_CANCEL": 0,
    "EXPORT_IGNORE": 1,
    "EXPORT_EXPORT": 2,
    **{
        f"PDB_{name}": number
        for number, name in enumerate(
            [
                "INT32",
                "INT16",
                "INT8",
                "FLOAT",
                "STRING",
                "INT32ARRAY",
                "INT16ARRAY",
                "INT8ARRAY",
                "FLOATARRAY",
                "STRINGARRAY",
                "COLOR",
                "ITEM",
                "DISPLAY",
                "IMAGE",
                "LAYER",
                "CHANNEL",
                "DRAWABLE",
                "SELECTION",
                "COLORARRAY",
                "VECTORS",
                "PARASITE",
                "STATUS",
                "END",
            ]
        )
    },
    "PDB_PATH": 19,
    "PDB_EXECUTION_ERROR": 0,
    "PDB_CALLING_ERROR": 1,
    "PDB_PASS_THROUGH": 2,
    "PDB_SUCCESS": 3,
    "PDB_CANCEL": 4,
    "STATUS_EXECUTION_ERROR": 0,
    "STATUS_CALLING_ERROR": 1,
    "STATUS_PASS_THROUGH": 2,
    "STATUS_SUCCESS": 3,
    "STATUS_CANCEL": 4,
    "INTERNAL": 0,
    "PLUGIN": 1,
    "EXTENSION": 2,
    "TEMPORARY": 3,
    "RUN_INTERACTIVE": 0,
    "RUN_NONINTERACTIVE": 1,
    "RUN_WITH_LAST_VALS": 2,
}

# GIMP 2's numbers to GIMP 3's, for enumerations in which they differ.
MOVED: dict[str, dict[int, int]] = {
    "FillType": {0: 0, 1: 1, 2: 3, 3: 4, 4: 5},
    "ConvertPaletteType": {0: 0, 1: 0, 2: 1, 3: 2, 4: 3},
    "RepeatMode": {0: 0, 1: 2, 2: 3, 3: 1},
    "SelectCriterion": {7: 10, 8: 7, 9: 8, 10: 9},
    "LayerColorSpace": {2: 4},
}


def native(kind: Any, value: Any) -> Any:
    """Return GIMP 3's enumerator of `kind` for GIMP 2's number; its own enumerators stay themselves."""
    if isinstance(value, kind):
        return value
    number = int(value)
    return kind(MOVED.get(_name(kind), {}).get(number, number))


def old_number(value: Any) -> int:
    """Return GIMP 2's number of one of GIMP 3's enumerators."""
    moved = MOVED.get(_name(type(value)), {})
    backwards = {new: old for old, new in reversed(moved.items())}
    return backwards.get(int(value), int(value))


def _name(kind: Any) -> str:
    return str(kind.__name__)


def _values(kind: type) -> list[Any]:
    """Return the members of an enumeration or flags type, with older and newer PyGObject."""
    table = getattr(kind, "__enum_values__", None) or getattr(kind, "__flags_values__", None)
    return list(table.values()) if table else list(kind)  # type: ignore[call-overload]


def _c_name(value: Any) -> str:
    name = getattr(value, "value_name", None) or next(iter(getattr(value, "value_names", [])), "")
    return str(name).removeprefix("GIMP_")


def collect() -> dict[str, Any]:
    """Return name and value of everything that ``gimpenums`` would export."""
    names: dict[str, Any] = {"TRUE": 1, "FALSE": 0}
    for name in dir(Gimp):
        kind = getattr(Gimp, name, None)
        if isinstance(kind, type) and issubclass(kind, (GObject.GEnum, GObject.GFlags)):
            moved = MOVED.get(name)
            kept = set(moved.values()) if moved and len(moved) == max(moved) + 1 else None
            for value in _values(kind):
                only_new = kept is not None and int(value) not in kept
                names.setdefault(_c_name(value), value if only_new else old_number(value))
    names.pop("", None)
    for mode in _LEGACY_MODES:
        number = names.get(f"LAYER_MODE_{mode}_LEGACY", names.get(f"LAYER_MODE_{mode}"))
        if number is not None:
            names[f"{mode}_MODE"] = number
    names.update(GONE)
    for old, new in {**OLD_NAMES, **_RENAMED_MODES}.items():
        if new in names:
            names[old] = names[new]
    return names
