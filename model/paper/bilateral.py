"""The bilateral filter BL of the paper: its one constant, used in training, evaluation and serving.

The paper gives no parameters. Chosen by looking at 512x512 crops: skin pores and
strands of hair are gone from BL(x), while the jaw line, the eyes and the lips stay.
A wider filter washes out lips and nose on dark skin. OpenCV sums the absolute
difference over the three channels, so its colour sigma is about three times a
per-channel one.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE: Final = 512  # pixels: the side of the crops that the constant below belongs to
DIAMETER: Final = 15  # pixels
SIGMA_SPACE: Final = 5.0  # pixels
SIGMA_COLOR: Final = 0.18  # sum over R, G, B of absolute differences, samples in [0, 1]

Image = NDArray[np.float32]


def filter_crop(rgb: Image, shrink: int = 1) -> Image:
    """BL(x): the bilateral filter at the pixel scale of a 512x512 head-and-shoulders crop.

    rgb: (H, W, 3) float32, sRGB in [0, 1]; any H and W, as long as the picture has the
    scale of a 512 crop (training filters parts of one) shrunk by `shrink`. Returns a new array
    of the same shape, dtype and range. Raises `ValueError` for another shape or dtype.
    Paper: section "Dataset creation", eq. (2).
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.float32:
        raise ValueError(f"expected (H, W, 3) float32, got {rgb.shape} {rgb.dtype}")
    diameter = 2 * round(DIAMETER // 2 / shrink) + 1
    filtered = cv2.bilateralFilter(np.ascontiguousarray(rgb), diameter, SIGMA_COLOR, SIGMA_SPACE / shrink)
    return np.asarray(filtered, np.float32)
