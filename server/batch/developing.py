"""RAW and HEIC files, each by a library that is installed only where it is wanted.

A RAW file is developed neutrally, as the camera metered it: its white balance, no automatic
brightening, sRGB at 16 bit, so that what is retouched is the photograph and not a taste.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from plugin.studio_portrait.link.wire import Problem

from ..files import exif
from ..files.names import HEIC, RAW
from ..files.picture import Picture, check_size

_MAKER_NOTE, _SUB_IMAGES = 37500, 330
# What a TIFF that holds a RAW says of the photograph; the rest tells how its sensor's samples lie.
_KEPT = frozenset((270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, exif.EXIF, exif.GPS))
_CURVE = (2.4, 12.92)  # sRGB's, as dcraw counts it


def develops(path: Path) -> bool:
    """Whether the file's name says RAW or HEIC."""
    return path.suffix.lower() in RAW or path.suffix.lower() in HEIC


def read(path: Path) -> Picture:
    """Read a RAW file, (H, W, 3) uint16, or a HEIC, uint8; upright, sRGB or as its profile says.

    Raises `Problem` ``set-up`` when the library is not installed, ``bad-image``, ``too-large``.
    """
    return _raw(path) if path.suffix.lower() in RAW else _heic(path)


def _raw(path: Path) -> Picture:
    try:
        import rawpy
    except ImportError:
        raise _missing("RAW", "rawpy", "raw") from None
    try:
        with rawpy.imread(str(path)) as file:
            check_size(file.sizes.width, file.sizes.height)
            pixels = file.postprocess(
                gamma=_CURVE,
                output_bps=16,
                use_camera_wb=True,
                no_auto_bright=True,
                output_color=rawpy.ColorSpace.sRGB,
            )
    except rawpy.LibRawError as error:
        raise _damaged("RAW", error) from None
    return Picture(np.ascontiguousarray(pixels), "raw", 1, None, _described(path))


def _described(path: Path) -> bytes | None:
    """Return what a RAW that is a TIFF inside (most are) says about camera, time, exposure and place."""
    block = exif.parse(path.read_bytes())
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


def _heic(path: Path) -> Picture:
    try:
        import pillow_heif
    except ImportError:
        raise _missing("HEIC", "pillow-heif", "heic") from None
    try:
        file = pillow_heif.open_heif(io.BytesIO(path.read_bytes()))
        check_size(*file.size)
        pixels = np.asarray(file.to_pillow().convert("RGB"))
    except (ValueError, SyntaxError, EOFError, RuntimeError) as error:
        raise _damaged("HEIC", error) from None
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


def _missing(kind: str, package: str, extra: str) -> Problem:
    return Problem(
        "set-up", f"{kind} files need {package}, which is not installed.", f"Run install.py --with {extra}."
    )


def _damaged(kind: str, error: Exception) -> Problem:
    return Problem(
        "bad-image", f"The {kind} file cannot be read ({_words(error)}).", "Copy it again, or convert it."
    )


def _words(error: Exception) -> str:
    """LibRaw's are bytes."""
    first = error.args[0] if error.args else error
    return first.decode("ascii", "replace") if isinstance(first, bytes) else str(first)
