"""The two pictures that every network's result is pinned on, and how a result is stored.

A result is stored as every fourth pixel of the 512-pixel reconstruction, 8-bit sRGB: no mean hides an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

FOLDER: Final = Path(__file__).parent
SELFIE: Final = FOLDER.parents[1] / "server" / "setup" / "sample" / "selfie.jpg"
SIDE: Final = 512
EVERY: Final = 4

Crop = NDArray[np.float32]


def selfie() -> Crop:
    """Return the shipped sample's face, framed by numbers of its own: (512, 512, 3) sRGB in [0, 1]."""
    whole = imagecodecs.imread(SELFIE)[129:1412, :1152]
    square = cv2.copyMakeBorder(whole, 0, 0, 43, 88, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA) / 255, np.float32)


def synthetic() -> Crop:
    """Return a painted head: oval, features, shine, hard edges, clipped and black parts; as `selfie`."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE

    def oval(cx: float, cy: float, width: float, height: float) -> NDArray[np.float64]:
        edge = 60 * (np.hypot((x - cx) / width, (y - cy) / height) - 1)
        return np.asarray(1 / (1 + np.exp(edge.clip(-60, 60))))

    ripple = 0.04 * np.sin(90 * x + 35 * y) * np.cos(70 * y) + 0.02 * np.sin(400 * x * y)
    image = np.stack([0.12 + 0.3 * x, 0.10 + 0.25 * y, 0.22 + 0.2 * (1 - x)], -1) + ripple[..., None]

    def paint(mask: NDArray[np.float64], colour: tuple[float, float, float]) -> None:
        image[:] += mask[..., None] * (np.array(colour) - image)

    paint(oval(0.5, 1.08, 0.42, 0.3), (0.15, 0.3, 0.2))
    paint(oval(0.5, 0.45, 0.27, 0.36), (0.16, 0.1, 0.07))
    shade = 1.1 - 0.5 * np.hypot(x - 0.5, y - 0.5) + ripple
    face = oval(0.5, 0.52, 0.22, 0.29)
    image += face[..., None] * (shade[..., None] * np.array([0.86, 0.62, 0.5]) - image)
    for cx in (0.41, 0.59):
        paint(oval(cx, 0.46, 0.045, 0.02), (0.05, 0.04, 0.04))
        paint(oval(cx, 0.41, 0.06, 0.012), (0.2, 0.12, 0.08))
    paint(oval(0.5, 0.66, 0.08, 0.022), (0.6, 0.25, 0.25))
    for cx, cy, size in ((0.5, 0.33, 0.06), (0.5, 0.55, 0.02), (0.38, 0.56, 0.03)):
        image += oval(cx, cy, size, size * 0.8)[..., None] * 0.5
    image[:40, :60], image[:40, -60:] = 0, 1
    return np.asarray(np.rint(image.clip(0, 1) * 255) / 255, np.float32)


PICTURES: Final = {"selfie": selfie, "synthetic": synthetic}


def reference() -> NDArray[np.uint8]:
    """Return headshot's reference portrait: the selfie mirrored, under warmer, softer light; uint8."""
    warmer = selfie()[:, ::-1] ** 0.8 * np.array([1, 0.93, 0.85])
    return np.ascontiguousarray(np.rint(warmer * 255), np.uint8)


def stored(reconstruction: Crop) -> NDArray[np.uint8]:
    """Return what is kept of a (512, 512, 3) reconstruction: (128, 128, 3) uint8."""
    part = reconstruction[EVERY // 2 :: EVERY, EVERY // 2 :: EVERY]
    return np.asarray(np.rint(part.clip(0, 1) * 255), np.uint8)
