"""Find the faces: face_recognition's HOG detector on a small copy of the picture.

Detection costs the same for every picture because it never sees more than a
thumbnail. One large face, the selfie, is found in the first pass; group pictures
and pictures where nothing is found get a larger copy, then the quarter turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from face_recognition import api as face_api
from numpy.typing import NDArray

from model.paper.framing import Square, face_square

THUMBNAIL = 1040  # longest side of the first pass, pixels
LARGE = 2080  # of the second
# A lone face at least this wide (in shares of the thumbnail's short side) is a selfie:
# looking for smaller ones would cost five times the first pass.
SELFIE_SHARE = 0.15
SAME_FACE_IOU = 0.3


@dataclass(frozen=True)
class Face:
    """One face in the picture's own pixels.

    box: x, y, width, height of the detector's box, clipped to the picture.
    square: the crop around head and shoulders (may reach over the picture's edge).
    confidence: the detector's score (0 is its threshold). angle: degrees by which the
    picture must be turned counter-clockwise for the face to stand upright.
    """

    box: tuple[int, int, int, int]
    square: Square
    confidence: float
    angle: int = 0

    @property
    def centre(self) -> tuple[float, float]:
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


def find_faces(rgb: NDArray[np.uint8], scale: float, cancelled: Callable[[], bool]) -> list[Face]:
    """All faces, the largest first.

    rgb: (h, w, 3) sRGB, at most `LARGE` pixels long. scale: picture pixels per pixel of `rgb`.
    """
    first = _shrink(rgb, THUMBNAIL)
    found = _detect(first, scale * rgb.shape[1] / first.shape[1])
    if _is_selfie(found, first.shape, scale * rgb.shape[1] / first.shape[1]) or cancelled():
        return found
    large, factor = _enlarge(rgb, scale) if not found else (rgb, scale)
    if max(large.shape) > max(first.shape):
        found = _merge(found, _detect(large, factor))
    for angle in (90, 270, 180):
        if found or cancelled():
            break
        turned = np.ascontiguousarray(np.rot90(large, angle // 90))
        found = [_turn_back(face, turned.shape, factor, angle) for face in _detect(turned, 1.0)]
    return sorted(found, key=lambda face: -face.box[2] * face.box[3])


def _shrink(rgb: NDArray[Any], longest: int) -> NDArray[Any]:
    share = longest / max(rgb.shape[:2])
    if share >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * share)), max(1, round(rgb.shape[0] * share)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _enlarge(rgb: NDArray[Any], scale: float) -> tuple[NDArray[Any], float]:
    """A small picture twice as large, so that small faces reach the detector's size; and its scale."""
    longest = max(rgb.shape[:2])
    if longest * 2 > LARGE:
        return rgb, scale
    return cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), scale / 2


def _is_selfie(found: list[Face], shape: tuple[int, ...], scale: float) -> bool:
    return len(found) == 1 and found[0].box[2] >= SELFIE_SHARE * min(shape[:2]) * scale


def _detect(rgb: NDArray[np.uint8], scale: float) -> list[Face]:
    """Faces of one pass, in pixels of the picture (`scale` times those of `rgb`)."""
    height, width = rgb.shape[:2]
    rectangles, scores, _ = face_api.face_detector.run(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 0, 0.0)
    faces = []
    for rectangle, score in zip(rectangles, scores, strict=True):
        left, top = max(0, rectangle.left()), max(0, rectangle.top())
        right, bottom = min(width, rectangle.right()), min(height, rectangle.bottom())
        if right - left < 2 or bottom - top < 2:
            continue
        parts = face_api.pose_predictor_68_point(rgb, rectangle).parts()
        landmarks = np.array([(part.x, part.y) for part in parts], np.float64)
        square = face_square((landmarks + 0.5) * scale)
        box = tuple(round(v * scale) for v in (left, top, right - left, bottom - top))
        faces.append(Face(box, square, float(score)))
    return faces


def _merge(known: list[Face], more: list[Face]) -> list[Face]:
    """The second pass is the finer one: its faces win over the first's."""
    return more + [face for face in known if all(_iou(face.box, other.box) < SAME_FACE_IOU for other in more)]


def _iou(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _turn_back(face: Face, turned: tuple[int, ...], factor: float, angle: int) -> Face:
    """A face of a turned copy, in the picture's pixels (`factor` times the copy's)."""
    height, width = turned[:2]

    def back(x: float, y: float) -> tuple[float, float]:
        if angle == 90:  # np.rot90: column x of the picture became row width-1-x
            return height - y, x
        if angle == 180:
            return width - x, height - y
        return y, width - x

    x, y, w, h = face.box
    corners = [back(x, y), back(x + w, y + h)]
    left, right = sorted(corner[0] * factor for corner in corners)
    top, bottom = sorted(corner[1] * factor for corner in corners)
    cx, cy = back(face.square.cx, face.square.cy)
    square = Square(cx * factor, cy * factor, face.square.side * factor)
    box = (round(left), round(top), round(right - left), round(bottom - top))
    return Face(box, square, face.confidence, angle)
