"""RAW and HEIC files, each by a library that is installed only where it is wanted; in the locked child, too.

A RAW file is developed neutrally, as the camera metered it: its white balance, no automatic
brightening, sRGB at 16 bit, so that what is retouched is the photograph and not a taste.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any

import numpy as np

from . import exif
from .errors import PictureError
from .names import LIBRARIES
from .picture import Picture, check_size

_MAKER_NOTE, _SUB_IMAGES = 37500, 330
# What a TIFF that holds a RAW says of the photograph; the rest tells how its sensor's samples lie.
_KEPT = frozenset((270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, exif.EXIF, exif.GPS))
_CURVE = (2.4, 12.92)  # sRGB's, as dcraw counts it


def load(kind: str) -> None:
    """Import what reads files of this kind, so that children of this process have it already."""
    if kind in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(LIBRARIES[kind])


def decode(kind: str, data: bytes) -> Picture:
    """Decode a ``raw`` file to (H, W, 3) uint16, a ``heic`` to uint8; upright, sRGB or as its profile says.

    Raises `PictureError` ``bad-image`` or ``too-large``, and `ImportError`.
    """
    try:
        return _raw(data) if kind == "raw" else _heic(data)
    except (PictureError, ImportError, MemoryError):
        raise
    except Exception as error:  # both libraries raise kinds of their own, and each other's, on broken files
        sentence = f"The {kind.upper()} file cannot be read ({_words(error)})."
        raise PictureError("bad-image", sentence, "Copy it again, or convert it.") from None


def _raw(data: bytes) -> Picture:
    import rawpy

    with rawpy.imread(io.BytesIO(data)) as file:
        check_size(file.sizes.width, file.sizes.height)
        pixels = file.postprocess(
            gamma=_CURVE,
            output_bps=16,
            use_camera_wb=True,
            no_auto_bright=True,
            output_color=rawpy.ColorSpace.sRGB,
        )
    return Picture(np.ascontiguousarray(pixels), "raw", 1, None, _described(data))


def _described(data: bytes) -> bytes | None:
    """Return what a RAW that is a TIFF inside (most are) says about camera, time, exposure and place."""
    block = exif.parse(data)
    if block is None:
        return None
    entries = tuple(_without_notes(entry) for entry in block.only(_KEPT.__contains__).entries)
    return exif.Block(block.order, entries).coded()


def _without_notes(entry: exif.Entry) -> exif.Entry:
    """Drop a maker's notes: they point to places in the old file and mean nothing in a new one."""
    if not isinstance(entry.value, tuple):
        return entry
    value = tuple(inner for inner in entry.value if inner.code not in (_MAKER_NOTE, _SUB_IMAGES))
    return exif.Entry(entry.code, entry.type, entry.count, value)


def _heic(data: bytes) -> Picture:
    import pillow_heif

    file = pillow_heif.open_heif(io.BytesIO(data))
    check_size(*file.size)
    pixels = np.asarray(file.to_pillow().convert("RGB"))
    info: dict[str, Any] = file.info
    block = exif.parse((info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    return Picture(
        pixels,
        "heic",
        1,  # the library has turned it upright
        info.get("icc_profile"),
        block.turned(1).coded() if block else None,
        info.get("xmp"),
    )


def _words(error: Exception) -> str:
    """LibRaw's are bytes."""
    first = error.args[0] if error.args else error
    return first.decode("ascii", "replace") if isinstance(first, bytes) else str(first)
