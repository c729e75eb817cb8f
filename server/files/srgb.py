"""A picture as 8-bit sRGB, for where only its look matters: the reference portrait."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from .errors import PictureError
from .picture import Picture


def to_srgb(picture: Picture, longest: int) -> NDArray[np.uint8]:
    """Convert to (H, W, 3) uint8 sRGB from the picture's profile, shrunken until no side exceeds `longest`.

    Alpha is left out; 16 bit and float (0..1) are rounded. Raises `PictureError` ``bad-image`` for a broken
    profile.
    """
    colours = _eight_bit(picture.pixels[:, :, : 1 if picture.pixels.shape[2] < 3 else 3])
    image = Image.fromarray(colours[:, :, 0] if colours.shape[2] == 1 else colours)
    image = (_from_profile(image, picture.icc) if picture.icc else image).convert("RGB")
    if max(image.size) > longest:
        image.thumbnail((longest, longest))
    return np.array(image, np.uint8)


def _from_profile(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(icc))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        hint = "Convert the picture to sRGB in an image editor."
        raise PictureError("bad-image", "The picture's colour profile is broken.", hint) from None
    assert converted is not None  # only in-place conversion gives nothing
    return converted


def _eight_bit(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, np.uint8)
    top = 1.0 if pixels.dtype.kind == "f" else 65535.0
    scaled = np.rint(np.clip(pixels.astype(np.float32) / np.float32(top), 0, 1) * np.float32(255))
    return np.ascontiguousarray(scaled.astype(np.uint8))
