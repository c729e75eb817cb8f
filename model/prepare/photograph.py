"""Reading a user's photographs: pixels upright in sRGB, and the time at which they were taken."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from model.synthesize.portraits import Unfit
from model.whole_pictures import only_whole_pictures

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
    """(H, W, 3) uint8, turned upright as EXIF says, converted to sRGB from the profile of the file.

    Raises `Unfit` for anything but a whole picture.
    """
    try:
        with only_whole_pictures(), Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
        profile = upright.info.get("icc_profile")
        rgb = _from_profile(upright, profile) if profile else upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, ImageCms.PyCMSError) as error:
        hint = "copy it again or convert it to JPEG or PNG"
        raise Unfit(f"{path.name} is not a whole, readable picture; {hint}") from error
    return np.array(rgb, np.uint8)


def _from_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    opaque = picture.convert("RGB") if picture.mode in ("RGBA", "P") else picture
    given, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(opaque, given, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversion gives nothing
    return converted


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
    except (OSError, KeyError, ValueError, SyntaxError):
        return path.stat().st_mtime, False
