"""The guided filter: a map's edges are moved to where a picture has them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[Any]  # float32


def coefficients(
    guide: Float, image: Float, radius: int, epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit ``image = slope * guide + offset`` in the windows around each pixel (He et al. 2013, eq. 5 and 6).

    Args:
        guide, image: (h, w) or (h, w, C), fitted channel by channel; the guide nominally in 0..1.
        radius: of the windows, in pixels.
        epsilon: the guide's variance below which it counts as flat.

    Returns:
        Slope and offset of the same shape: the means over all windows that hold the pixel.
    """
    known = windows(guide, radius)
    slope, level = _slope(guide, image, radius, epsilon, known)
    return _mean(slope, radius), _mean(level - slope * known[0], radius)


def slopes(
    guide: Float, image: Float, radius: int, epsilon: float, known: tuple[Float, Float]
) -> NDArray[np.float32]:
    """Return `coefficients`' slope alone. known: the guide's `windows`."""
    return _mean(_slope(guide, image, radius, epsilon, known)[0], radius)


def windows(guide: Float, radius: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and variance of the guide in the window around each pixel, of its shape."""
    centre = _mean(guide, radius)
    variance = _mean(guide * guide, radius)
    variance -= centre * centre
    return centre, variance


def guided_filter(guide: Float, image: Float, radius: int, epsilon: float) -> NDArray[np.float32]:
    """Filter `image` (eq. 8); arguments and shape as for `coefficients`."""
    slope, offset = coefficients(guide, image, radius, epsilon)
    return np.asarray(slope * guide + offset, np.float32)


def _slope(
    guide: Float, image: Float, radius: int, epsilon: float, known: tuple[Float, Float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each window's slope, and the image's mean there."""
    (centre, variance), level = known, _mean(image, radius)
    slope = _mean(guide * image, radius)
    slope -= centre * level
    slope /= variance + epsilon
    return slope, level


def _mean(image: Float, radius: int) -> NDArray[np.float32]:
    side = 2 * radius + 1
    blurred = cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32).reshape(image.shape)
