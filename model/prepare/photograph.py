"""Reading a user's photographs: pixels upright in sRGB, and the time at which they were taken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from model.synthesize.portraits import Unfit

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
EXIF: Final = 0x8769  # tag of the directory that holds the two below
TAKEN: Final = 0x9003  # DateTimeOriginal, whole seconds
FRACTION: Final = 0x9291  # SubSecTimeOriginal, digits after the point

RGB = NDArray[np.uint8]


def pictures(folder: Path) -> list[Path]:
    """Every picture below `folder`, sorted; told by the file name's ending."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def read(path: Path) -> RGB:
    """(H, W, 3) uint8 sRGB, turned upright as EXIF says. Raises `Unfit` for anything but a picture."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if bgr is None:
        raise Unfit(f"{path.name} is not a readable picture; copy it again or convert it to JPEG or PNG")
    return np.ascontiguousarray(bgr[..., ::-1])


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
    except (OSError, UnidentifiedImageError, KeyError, ValueError, SyntaxError):
        return path.stat().st_mtime, False
