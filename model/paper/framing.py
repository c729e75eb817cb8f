"""From a face's landmarks to the square that the network sees: the same in training and in serving.

The network is scale-bound (filter, shadows, pores), so a face must fill its 512x512
crop alike wherever it comes from. The square is anchored on the 68 landmarks, because
detection boxes are coarse and differ between detectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SCALE: Final = 2.25  # side of the square, in larger sides of the landmarks' bounding box
RISE: Final = 0.14  # how far its centre lies above the box's, in the same unit


@dataclass(frozen=True)
class Square:
    """A square in pixel coordinates (pixel centres at +0.5); may reach over the picture's edge."""

    cx: float
    cy: float
    side: float

    @property
    def x0(self) -> float:
        """Left edge."""
        return self.cx - self.side / 2

    @property
    def y0(self) -> float:
        """Upper edge."""
        return self.cy - self.side / 2


def face_square(landmarks: NDArray[np.floating] | NDArray[np.integer]) -> Square:
    """Return the head-and-shoulders square around one face.

    landmarks: (68, 2) x, y in pixels, dlib's order (jaw, brows, nose, eyes, mouth), of an
    upright face. Raises `ValueError` for another shape, numbers that are not finite, or
    landmarks without extent.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ValueError("expected 68 finite landmarks as (68, 2)")
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if extent <= 0:
        raise ValueError("the landmarks have no extent")
    cx, cy = (low + high) / 2
    return Square(float(cx), float(cy) - RISE * extent, SCALE * extent)
