"""GIMP 2's ``file-*-save*`` and ``gimp-file-save`` on GIMP 3's ``file-*-export``.

GIMP 2 wrote the drawable that it was given, with its own size, opacity and place put aside;
GIMP 3 exports whole images. So a drawable that is not the image already goes into an image
of its own first. Formats that hold layers get the whole image, as they did.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gimp

from .errors import error
from .native import call_with_names
from .values import file_of

# Formats whose GIMP 2 procedures wrote all layers.
_LAYERED = "xcf gif gih psd ora openraster pdf mng fli ico cel xmc ani cur"
_LAYERED_ENDINGS = {"xcf", "gif", "gih", "psd", "ora", "pdf", "mng", "fli", "flc", "ico", "xmc", "ani", "cur"}
_LAYERED_ENDINGS |= {f"xcf.{packed}" for packed in ("gz", "bz2", "xz")}
_PACKED = ("gz", "bz2", "xz")

_TIFF = {0: "none", 1: "lzw", 2: "packbits", 3: "adobe-deflate", 4: "jpeg", 5: "ccittfax3", 6: "ccittfax4"}
_SAMPLING = {0: "sub-sampling-2x2", 1: "sub-sampling-2x1", 2: "sub-sampling-1x1", 3: "sub-sampling-1x2"}
_DCT = {0: "integer", 1: "fixed", 2: "float"}
_DISPOSE = {0: "unspecified", 1: "combine", 2: "replace"}
_ORIGIN = {0: "top-left", 1: "bottom-left"}
_PRESET = {0: "default", 1: "picture", 2: "photo", 3: "drawing", 4: "icon", 5: "text"}
_RAW = {0: "ascii-output", 1: "raw-output"}

_PNG = "interlaced compression bkgd - offs phys time include-comment save-transparent"
_GIF = "interlace loop default-delay default-dispose as-animation force-delay force-dispose"
_WEBP = (
    "preset lossless quality alpha-quality animation animation-loop minimize-size keyframe-distance"
    " include-exif include-iptc include-xmp"
)
_PS = "width height x-offset y-offset - keep-ratio rotation eps-flag preview level"
_PNM = ("pgm", "ppm", "pbm", "pnm")
_PLAIN = (
    "psd heif jpegxl exr dds xbm sgi sunras pcx csource header ico fits pfm pix raw xwd xmc aa cel bz2 gz xz"
    " openraster fli dicom"
)
# Format: GIMP 3's names for the arguments that followed the file's names in GIMP 2; "-" is dropped.
ARGUMENTS = {
    "png": _PNG,
    "jpeg": "quality smoothing optimize progressive - sub-sampling baseline restart dct",
    "gif": _GIF,
    "tiff": "compression save-transparent-pixels",
    "bigtiff": "compression save-transparent-pixels bigtiff",
    "tga": "rle origin",
    "bmp": "use-rle write-color-space",
    "webp": _WEBP + " - default-delay force-delay",
    "gbr": "spacing description",
    "pat": "description",
    "gih": "spacing description cell-width cell-height - - - - ranks - selection-modes",
    "pdf": "vectorize ignore-hidden apply-masks layers-as-pages reverse-order",
    "xpm": "threshold",
    **dict.fromkeys(_PNM, "raw"),
    **dict.fromkeys(("ps", "eps"), _PS),
    **dict.fromkeys(_PLAIN.split(), ""),
}
_CHOICES: dict[tuple[str, str], dict[int, str]] = {
    ("tiff", "compression"): _TIFF,
    ("bigtiff", "compression"): _TIFF,
    ("jpeg", "sub-sampling"): _SAMPLING,
    ("jpeg", "dct"): _DCT,
    ("gif", "default-dispose"): _DISPOSE,
    ("tga", "origin"): _ORIGIN,
    ("webp", "preset"): _PRESET,
    **{(kind, "raw"): _RAW for kind in _PNM},
}
_PROCEDURES = {"bigtiff": "file-tiff-export"}


def is_save(name: str) -> bool:
    """Whether `name` is one of GIMP 2's procedures that save in a format served here."""
    return _format(name) is not None


def _format(name: str) -> str | None:
    if not name.startswith("file-") or "-save" not in name:
        return None
    kind, _, rest = name.removeprefix("file-").partition("-save")
    return kind if kind in ARGUMENTS and rest in ("", "2", "-defaults", "-internal") else None


def save_as(name: str, image: Any, drawable: Any, filename: Any, *rest: Any) -> None:
    """Run ``file-X-save`` with GIMP 2's arguments after the run mode. Raises `error`."""
    kind = _format(name)
    assert kind is not None
    given = rest[1:] if rest and isinstance(rest[0], (str, bytes, type(None))) else rest  # the raw file name
    order = ARGUMENTS[kind]
    if name.endswith("-save2") and kind == "webp":
        order = _WEBP + " include-thumbnail default-delay force-delay"
    pairs = zip(order.split(), given, strict=False)
    values = {key: _choice(kind, key, value) for key, value in pairs if key != "-"}
    if kind == "gif" and name == "file-gif-save":
        values["as-animation"] = len(image.get_layers()) > 1
    if kind == "gih":
        _count_cells(image, values)
    procedure = _PROCEDURES.get(kind, f"file-{kind}-export")
    with _exported(image, drawable, kind in _LAYERED.split()) as own:
        call_with_names(procedure, {"image": own, "file": file_of(filename), **values})


def _choice(kind: str, key: str, value: Any) -> Any:
    """Return GIMP 3's choice for GIMP 2's number, the first one where it has none; no choice as it is."""
    choices = _CHOICES.get((kind, key))
    return choices.get(int(value), next(iter(choices.values()))) if choices else value


def _count_cells(image: Any, values: dict[str, Any]) -> None:
    """GIMP 3 wants to be told how many brushes a brush pipe has."""
    across = max(1, image.get_width() // max(1, int(values.get("cell-width", 1))))
    down = max(1, image.get_height() // max(1, int(values.get("cell-height", 1))))
    values["num-cells"] = across * down * len(image.get_layers())
    if "ranks" in values:
        values["ranks"] = bytes(values["ranks"])


def save(image: Any, drawable: Any, filename: Any, raw_filename: Any = None) -> None:
    """``gimp-file-save``: the format is the one of the name's ending. Raises `error`."""
    file = file_of(filename)
    base = os.path.basename(file.get_path() or file.get_uri()).lower()
    ending = base.rpartition(".")[2]
    if ending in _PACKED:
        ending = ".".join(base.split(".")[-2:])
    with _exported(image, drawable, ending in _LAYERED_ENDINGS) as own:
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, own, file, None):
            raise error(f"{filename} could not be written: {Gimp.get_pdb().get_last_error()}")


def save_xcf(dummy: Any, image: Any, drawable: Any, filename: Any, raw_filename: Any = None) -> None:
    """``gimp-xcf-save``."""
    save(image, drawable, filename)


@contextmanager
def _exported(image: Any, drawable: Any, layered: bool) -> Iterator[Any]:
    """Yield an image that shows `drawable` alone; the image itself where it does already."""
    if layered or drawable is None or isinstance(drawable, int) or _is_whole(image, drawable):
        yield image
        return
    own = image_with_only(drawable)
    try:
        yield own
    finally:
        own.delete()


def _is_whole(image: Any, drawable: Any) -> bool:
    layers = image.get_layers()
    if len(layers) != 1 or layers[0] != drawable:
        return False
    _, x, y = drawable.get_offsets()
    same = (drawable.get_width(), drawable.get_height()) == (image.get_width(), image.get_height())
    plain = drawable.get_opacity() == 100.0 and drawable.get_mask() is None and drawable.get_visible()
    return (x, y) == (0, 0) and same and plain


def image_with_only(drawable: Any) -> Any:
    """Return a new image of the size of `drawable` with a copy of it as its only layer."""
    own = _image_for(drawable)
    layer = Gimp.Layer.new_from_drawable(drawable, own)
    own.insert_layer(layer, None, 0)
    layer.set_offsets(0, 0)
    layer.set_visible(True)
    layer.set_opacity(100.0)
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)
    return own


def _image_for(drawable: Any) -> Any:
    """Return an empty image of the drawable's size, in its colours."""
    image, is_channel = drawable.get_image(), isinstance(drawable, Gimp.Channel)
    size = drawable.get_width(), drawable.get_height()
    base = Gimp.ImageBaseType.GRAY if is_channel else image.get_base_type()
    own = Gimp.Image.new_with_precision(*size, base, image.get_precision())
    if base == Gimp.ImageBaseType.INDEXED:
        own.set_palette(image.get_palette())
    own.set_resolution(*image.get_resolution()[1:])
    if not is_channel and (profile := image.get_color_profile()) is not None:
        own.set_color_profile(profile)
    return own
