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

_LEGACY_MODES = (
    "NORMAL DISSOLVE BEHIND MULTIPLY SCREEN OVERLAY DIFFERENCE ADDITION SUBTRACT DARKEN_ONLY LIGHTEN_ONLY"
    " DIVIDE DODGE BURN HARDLIGHT SOFTLIGHT GRAIN_EXTRACT GRAIN_MERGE COLOR_ERASE ERASE REPLACE"
)
_RENAMED_MODES = {
    "HUE_MODE": "LAYER_MODE_HSV_HUE_LEGACY",
    "SATURATION_MODE": "LAYER_MODE_HSV_SATURATION_LEGACY",
    "COLOR_MODE": "LAYER_MODE_HSL_COLOR_LEGACY",
    "VALUE_MODE": "LAYER_MODE_HSV_VALUE_LEGACY",
}

# How GIMP 2 and GIMP 3 write the members of an enumeration, and which.
_RESPELT = (
    ("{}_FILL", "FILL_{}", "FOREGROUND BACKGROUND WHITE TRANSPARENT PATTERN"),
    ("ADD_{}_MASK", "ADD_MASK_{}", "WHITE BLACK ALPHA ALPHA_TRANSFER SELECTION COPY CHANNEL"),
    ("{}_CHANNEL", "CHANNEL_{}", "RED GREEN BLUE GRAY INDEXED ALPHA"),
    ("{}_DITHER", "CONVERT_DITHER_{}", "FS FIXED"),
    ("{}_PALETTE", "CONVERT_PALETTE_{}", "WEB MONO CUSTOM"),
    ("{}_HUES", "HUE_RANGE_{}", "ALL RED YELLOW GREEN CYAN BLUE MAGENTA"),
    ("{}", "TRANSFER_{}", "SHADOWS MIDTONES HIGHLIGHTS"),
    ("{}_CLONE", "CLONE_{}", "IMAGE PATTERN"),
    ("{}_CONVOLVE", "CONVOLVE_{}", "BLUR SHARPEN"),
    ("{}", "DODGE_BURN_TYPE_{}", "DODGE BURN"),
    ("ROTATE_{}", "ROTATE_DEGREES{}", "90 180 270"),
    ("SELECT_CRITERION_{0[0]}", "SELECT_CRITERION_RGB_{0}", "RED GREEN BLUE"),
    ("SELECT_CRITERION_{0[0]}", "SELECT_CRITERION_HSV_{0}", "HUE SATURATION VALUE"),
    ("SELECT_CRITERION_LCH_{0[0]}", "SELECT_CRITERION_LCH_{0}", "LIGHTNESS CHROMA HUE"),
    ("PRECISION_{}_GAMMA", "PRECISION_{}_NON_LINEAR", "U8 U16 U32 HALF FLOAT"),
)
OLD_NAMES = {
    **{old.format(name): new.format(name) for old, new, names in _RESPELT for name in names.split()},
    "NO_FILL": "FILL_TRANSPARENT",
    "NO_DITHER": "CONVERT_DITHER_NONE",
    "FSLOWBLEED_DITHER": "CONVERT_DITHER_FS_LOWBLEED",
    "MAKE_PALETTE": "CONVERT_PALETTE_GENERATE",
    "HORIZONTAL_GUIDE": "ORIENTATION_HORIZONTAL",
    "DESATURATE_LUMINOSITY": "DESATURATE_LUMA",
    "INTERPOLATION_LANCZOS": "INTERPOLATION_NOHALO",
    "SELECT_CRITERION_A": "SELECT_CRITERION_ALPHA",
    "VECTORS_STROKE_TYPE_BEZIER": "PATH_STROKE_TYPE_BEZIER",
    "PIXELS": "UNIT_PIXEL",
}

# Enumerations that GIMP 3 has no more, each from 0 on.
_COUNTED = (
    "FG_BG_RGB_MODE FG_BG_HSV_MODE FG_TRANSPARENT_MODE CUSTOM_MODE",
    "BLEND_FG_BG_RGB BLEND_FG_BG_HSV BLEND_FG_TRANSPARENT BLEND_CUSTOM",
    "FG_BUCKET_FILL BG_BUCKET_FILL PATTERN_BUCKET_FILL",
    "BUCKET_FILL_FG BUCKET_FILL_BG BUCKET_FILL_PATTERN",
    "UNIT_PIXEL UNIT_INCH UNIT_MM UNIT_POINT UNIT_PICA",
    "EXPORT_CANCEL EXPORT_IGNORE EXPORT_EXPORT",
    "PDB_INT32 PDB_INT16 PDB_INT8 PDB_FLOAT PDB_STRING PDB_INT32ARRAY PDB_INT16ARRAY PDB_INT8ARRAY"
    " PDB_FLOATARRAY PDB_STRINGARRAY PDB_COLOR PDB_ITEM PDB_DISPLAY PDB_IMAGE PDB_LAYER PDB_CHANNEL"
    " PDB_DRAWABLE PDB_SELECTION PDB_COLORARRAY PDB_VECTORS PDB_PARASITE PDB_STATUS PDB_END",
    "PDB_EXECUTION_ERROR PDB_CALLING_ERROR PDB_PASS_THROUGH PDB_SUCCESS PDB_CANCEL",
    "STATUS_EXECUTION_ERROR STATUS_CALLING_ERROR STATUS_PASS_THROUGH STATUS_SUCCESS STATUS_CANCEL",
    "INTERNAL PLUGIN EXTENSION TEMPORARY",
    "RUN_INTERACTIVE RUN_NONINTERACTIVE RUN_WITH_LAST_VALS",
)
_EXPORT_FLAGS = (  # each twice the one before
    "CAN_HANDLE_RGB CAN_HANDLE_GRAY CAN_HANDLE_INDEXED CAN_HANDLE_BITMAP CAN_HANDLE_ALPHA CAN_HANDLE_LAYERS"
    " CAN_HANDLE_LAYERS_AS_ANIMATION CAN_HANDLE_LAYER_MASKS NEEDS_ALPHA NEEDS_CROP"
)
GONE = {
    **{name: number for names in _COUNTED for number, name in enumerate(names.split())},
    **{f"EXPORT_{name}": 1 << number for number, name in enumerate(_EXPORT_FLAGS.split())},
    "CONVERT_PALETTE_REUSE": 1,
    "REUSE_PALETTE": 1,
    "OFFSET_BACKGROUND": 0,
    "FOREGROUND_EXTRACT_SIOX": 0,
    "POINTS": 1,
    "PARASITE_PERSISTENT": 1,
    "PARASITE_UNDOABLE": 2,
    "PDB_PATH": 19,
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


def _members(name: str, kind: type) -> dict[str, Any]:
    """Return the members of an enumeration by their C names, with GIMP 2's numbers where it had them."""
    moved = MOVED.get(name)
    kept = set(moved.values()) if moved and len(moved) == max(moved) + 1 else None
    members: dict[str, Any] = {}
    for value in _values(kind):
        only_new = kept is not None and int(value) not in kept
        members.setdefault(_c_name(value), value if only_new else old_number(value))
    return members


def collect() -> dict[str, Any]:
    """Return name and value of everything that ``gimpenums`` would export."""
    names: dict[str, Any] = {"TRUE": 1, "FALSE": 0}
    for name in dir(Gimp):
        kind = getattr(Gimp, name, None)
        if isinstance(kind, type) and issubclass(kind, (GObject.GEnum, GObject.GFlags)):
            names = {**_members(name, kind), **names}
    names.pop("", None)
    for mode in _LEGACY_MODES.split():
        number = names.get(f"LAYER_MODE_{mode}_LEGACY", names.get(f"LAYER_MODE_{mode}"))
        if number is not None:
            names[f"{mode}_MODE"] = number
    names.update(GONE)
    for old, new in {**OLD_NAMES, **_RENAMED_MODES}.items():
        if new in names:
            names[old] = names[new]
    return names
