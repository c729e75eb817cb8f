"""Reading a user's picture whole, upright and in sRGB.

face_recognition, once it is imported, lets Pillow pass truncated files for whole ones. Files of
a user's, which are read by the server's side and by the training tools alike, must be refused instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps

RGB = NDArray[np.uint8]


def read(path: Path, longest: int = 0) -> RGB:
    """(H, W, 3) uint8, turned upright as EXIF says, converted to sRGB from the profile of the file.

    longest: shrunken until no side is longer; 0: as large as it is. Raises `ValueError` for anything but a
    whole picture.
    """
    try:
        with only_whole_pictures(), Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
        profile = upright.info.get("icc_profile")
        rgb = _from_profile(upright, profile) if profile else upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, ImageCms.PyCMSError) as error:
        hint = "copy it again or convert it to JPEG or PNG"
        raise ValueError(f"{path.name} is not a whole, readable picture; {hint}") from error
    if longest and max(rgb.size) > longest:
        rgb.thumbnail((longest, longest))
    return np.array(rgb, np.uint8)


def _from_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    opaque = picture.convert("RGB") if picture.mode in ("RGBA", "P") else picture
    given, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(opaque, given, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversion gives nothing
    return converted


@contextmanager
def only_whole_pictures() -> Iterator[None]:
    """Pillow refuses truncated pictures inside, with `OSError`."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
