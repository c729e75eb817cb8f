"""Measure the light on a face: what `calibrate` and ``evaluate --real`` compare photographs by.

Everything is measured in the 512-pixel crop of `model.paper.framing`, so that a face counts alike whatever
its size, at the spots of `model.data.synthesize.spots`; a spot's value is its mean luminance (Y of linear
sRGB), and ratios are to the cheek's. IOD: distance of the eyes' centres.

Face: the hull of the landmarks, drawn to the forehead's spot, without eyes and mouth (hulls of 36-41,
42-47 and 48-59, widened by 0.05 IOD).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model import face_models
from model.data.synthesize import spots
from model.data.synthesize.portraits import Unfit, cut, thumbnail
from model.paper.bilateral import SIZE
from model.paper.colour import decode_srgb, luminance
from model.paper.framing import Square, face_square

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

RATIOS: Final = ("jaw", "temple", "chin", "nose", "forehead", "neck")  # each over the cheek
CLIPPED: Final = 250 / 255  # a sample from here on is burnt out


@dataclass(frozen=True)
class Face:
    """crop (512, 512, 3) float32 sRGB; points (68, 2) in its pixels; valid (512, 512): in the photograph.

    square: where the crop lies in it.
    """

    crop: Image
    points: spots.Points
    valid: Mask
    square: Square


def read(path: Path) -> Face:
    """Return the largest face of a photograph. Raises `Unfit`: not a picture, or no face in it."""
    return next(everybody(path))


def everybody(path: Path) -> Iterator[Face]:
    """Yield a photograph's faces, the largest first. Raises `Unfit` as `read` does."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise Unfit("not a picture")
    return _found(np.ascontiguousarray(bgr[..., ::-1]))


def find(rgb: NDArray[np.uint8]) -> Face:
    """Return the largest face of (H, W, 3) sRGB. Raises `Unfit` if there is none."""
    return next(_found(rgb))


def _found(rgb: NDArray[np.uint8]) -> Iterator[Face]:
    small, scale = thumbnail(rgb)
    found = face_models.detect(small) or face_models.detect(small, 1)
    if not found:
        raise Unfit("no face")
    for box in face_models.largest_first(found):
        points = face_models.landmarks(small, box) / scale
        square = face_square(points)
        crop = cut(rgb, square).astype(np.float32) / np.float32(255)
        valid = cut(np.full(rgb.shape[:2], 255, np.uint8), square, constant=True) > 127
        yield Face(crop, (points - [square.x0, square.y0]) * (SIZE / square.side), valid, square)


def same_place(photograph: Path, face: Face, result: Path) -> Image:
    """Return the crop of `face`, found in `photograph`, out of another version of that. Raises `Unfit`."""
    one, other = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in (photograph, result))
    if one is None or other is None or one.shape != other.shape:
        raise Unfit(f"{result} is not a picture of the same size")
    return cut(np.ascontiguousarray(other[..., ::-1]), face.square).astype(np.float32) / np.float32(255)


def face_mask(face: Face) -> Mask:
    """Return the face without eyes and mouth, inside the photograph."""
    points, iod = face.points, spots.eye_distance(face.points)
    crown = spots.places(points)["forehead"][0] - points[27]
    outline = np.concatenate([points, points[17:27] + crown * 0.6])
    mask = np.zeros(face.valid.shape, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline.astype(np.float32)).astype(np.int32), 1)
    holes = np.zeros_like(mask)
    for part in (slice(36, 42), slice(42, 48), slice(48, 60)):
        cv2.fillConvexPoly(holes, cv2.convexHull(points[part].astype(np.int32)), 1)
    wide = max(1, round(0.05 * iod))
    widened = cv2.dilate(holes, np.ones((2 * wide + 1,) * 2, np.uint8))
    return np.asarray((mask > 0) & (widened == 0) & face.valid)


def lab(picture: Image) -> Image:
    """sRGB in [0, 1] to L*, a*, b*, same shape."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture, np.float32), cv2.COLOR_RGB2Lab))


def measure(face: Face) -> dict[str, float]:
    """All statistics of one photograph; NaN for a spot that lies outside of it."""
    level = spots.levels(luminance(decode_srgb(face.crop)), face.points, face.valid)
    mask = face_mask(face)
    colours = lab(face.crop)[mask]
    median = np.median(colours, axis=0)
    low, high = np.percentile(colours[:, 0], (5, 95))
    clipped = (face.crop[mask] >= CLIPPED).any(axis=-1).mean()
    return {
        "L*": float(median[0]),
        "a*": float(median[1]),
        "b*": float(median[2]),
        **{f"{name}/cheek": level[name] / max(level["cheek"], 1e-4) for name in RATIOS},
        "L95-50": float(high - median[0]),
        "L50-5": float(median[0] - low),
        "clipped, %": 100 * float(clipped),
    }


def neck_step(face: Face, picture: Any = None) -> float:
    """Return the step of colour (a*, b*) from the face's median to the neck's spot; NaN without a neck.

    picture: another version of `face.crop` to measure it in.
    """
    crop = face.crop if picture is None else picture
    neck = spots.disc(face.points, spots.places(face.points)["neck"][0], face.valid, 1.6)
    if neck.sum() < spots.LEAST:
        return math.nan
    colours = lab(crop)
    step = np.median(colours[neck], axis=0)[1:] - np.median(colours[face_mask(face)], axis=0)[1:]
    return float(np.hypot(*step))
