"""Cutting a square out of a photograph through any affine map, once, with area averaging.

The studio photograph is warped and cropped in one step, so that both pictures of a pair are
resampled alike and neither is blurred more than the other.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.bilateral import SIZE
from model.paper.framing import Square

Matrix = NDArray[np.float64]  # (2, 3); pixel centres at whole numbers


def square_matrix(square: Square) -> Matrix:
    """From pixels of the 512-pixel crop to pixels of the photograph."""
    scale = square.side / SIZE
    offset = scale / 2 - 0.5
    return np.array([[scale, 0.0, square.x0 + offset], [0.0, scale, square.y0 + offset]])


def chain(outer: Matrix, inner: Matrix) -> Matrix:
    """outer after inner."""
    return np.hstack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2:] + outer[:, 2:]])


def sample(picture: NDArray[Any], matrix: Matrix, size: tuple[int, int] = (SIZE, SIZE)) -> NDArray[Any]:
    """Return what `picture` shows at matrix(u, v) for every pixel of a crop of (width, height) = `size`.

    picture: (H, W) or (H, W, 3), uint8 or float32; edge pixels are repeated outside. Each crop pixel is
    the mean of as many samples as it covers pixels of the photograph.
    """
    finer = max(1, math.ceil(math.sqrt(abs(float(np.linalg.det(matrix[:, :2])))) - 1e-6))
    shift = 0.5 / finer - 0.5
    inner = chain(matrix, np.array([[1 / finer, 0.0, shift], [0.0, 1 / finer, shift]]))
    way = (cv2.INTER_LINEAR if finer > 1 else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP
    wide = (size[0] * finer, size[1] * finer)
    warped = cv2.warpAffine(picture, inner, wide, flags=way, borderMode=cv2.BORDER_REPLICATE)
    return warped if finer == 1 else cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
