"""The studio side of a pair: the portrait, colour-balanced, exposure-normalised and matte.

The sources have their own casts and brightness; the network would learn their average.
The portraits hold some shine of their own as well, which must not be taught.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.colour import decode_srgb, encode_srgb, luminance

Array = NDArray[Any]  # float32

LONDON: Final = 1.12 * np.array([1.03, 1.0, 0.97], np.float32)
SKIN_AB: Final = np.array([13, 15], np.float32)  # Lab a, b of neutrally lit skin
SKIN_PULL: Final = 0.6
SKIN_Y: Final = 0.33
EXPOSURE_RANGE: Final = (0.75, 1.3)
SHINE_ABOVE: Final = 1.15  # of the local base
SHINE_SHARE: Final = 0.85  # how much of what is above is removed
BASE_SIGMA: Final = 18.0  # pixels


def studio(crop: NDArray[np.uint8], skin: Array, person: Array, source: str) -> NDArray[np.uint8]:
    """Return the matte, balanced portrait.

    crop (512, 512, 3) uint8 sRGB; skin and person (512, 512) in [0, 1]. Returns like crop.
    """
    rgb = decode_srgb(crop.astype(np.float32) / 255)
    rgb = rgb * _gain(rgb, skin, person, source)
    rgb = matte(rgb, skin)
    return np.asarray(encode_srgb(rgb).clip(0, 1) * 255 + 0.5, np.uint8)


def _gain(rgb: Array, skin: Array, person: Array, source: str) -> Any:
    if source == "london":
        return LONDON
    first = np.ones(3, np.float32)
    if source == "canada":  # a strong lilac cast on a grey wall
        grey = np.median(rgb[person < 0.02], axis=0)
        first = np.asarray(luminance(grey) / grey.clip(1e-3), np.float32)
    median = np.median(rgb[skin > 0.5], axis=0) * first
    lab = cv2.cvtColor(encode_srgb(median)[None, None].astype(np.float32), cv2.COLOR_RGB2Lab)[0, 0]
    lab[1:] += SKIN_PULL * (SKIN_AB - lab[1:])
    wanted = decode_srgb(cv2.cvtColor(lab[None, None], cv2.COLOR_Lab2RGB)[0, 0].clip(0, 1))
    exposure = float(np.clip((SKIN_Y / luminance(median)) ** 0.5, *EXPOSURE_RANGE))
    return np.asarray(first * exposure * wanted / median.clip(1e-3), np.float32)


def matte(rgb: Array, skin: Array) -> Array:
    """Remove most of the shine on skin: white light above the local base, in linear RGB."""
    y = luminance(rgb)
    weight = cv2.GaussianBlur(skin, (0, 0), BASE_SIGMA)
    base = cv2.GaussianBlur(y * skin, (0, 0), BASE_SIGMA) / weight.clip(1e-3)
    excess: Any = (y - SHINE_ABOVE * base).clip(0) * SHINE_SHARE * skin
    return np.asarray((rgb - excess[..., None]).clip(0), np.float32)
