"""Reading a user's photographs: pixels upright in sRGB, and the time at which they were taken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from model.data import whole_pictures
from model.data.synthesize.portraits import Unfit
from model.data.whole_pictures import RGB

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
EXIF: Final = 0x8769  # tag of the directory that holds the two below
TAKEN: Final = 0x9003  # DateTimeOriginal, whole seconds
FRACTION: Final = 0x9291  # SubSecTimeOriginal, digits after the point


def pictures(folder: Path) -> list[Path]:
    """Every picture below `folder`, sorted; told by the file name's ending."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def read(path: Path) -> RGB:
    """(H, W, 3) uint8 as `whole_pictures.read`. Raises `Unfit` for anything but a whole picture."""
    try:
        return whole_pictures.read(path)
    except ValueError as error:
        raise Unfit(str(error)) from error


def taken(path: Path) -> tuple[float, bool]:
    """When a photograph was taken, in seconds, and whether EXIF says so.

    EXIF's time is the camera's local one; without it the file's modification time is given. The two kinds
    cannot be compared with each other.
    """
    try:
        with Image.open(path) as picture:
            exif = picture.getexif().get_ifd(EXIF)
        moment = datetime.strptime(str(exif[TAKEN]).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        digits = str(exif.get(FRACTION, "")).strip("\0 ")
        return moment.timestamp() + (float(f"0.{digits}") if digits.isdigit() else 0.0), True
    except (OSError, KeyError, ValueError, SyntaxError, Image.DecompressionBombError):
        return path.stat().st_mtime, False
