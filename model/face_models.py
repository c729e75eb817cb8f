"""dlib's face detector, 68 landmarks and recogniser: their only home, each loaded when it is first used.

The files come with `face_recognition_models`. `face_recognition` itself loads every one of them, and
`pkg_resources` to find them, at its import: a fifth of a second and 40 MB that no picture needs. What tells
people apart (`batch.series`, `evaluation.faces`) asks it all the same: its numbers are by five landmarks.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]  # uint8; OpenCV does not say so of what it makes
LANDMARKS: Final = "shape_predictor_68_face_landmarks.dat"
RECOGNISER: Final = "dlib_face_recognition_resnet_model_v1.dat"
ROLLED: Final = (3, 4)  # of dlib's five detectors, those of rolled faces
COARSE: Final = 2  # steps of the detector's pyramid, by 5/6 each, that are left out for large faces
WINDOW: Final = 72  # pixels from the first to the last of what the detector looks at on each step
_PYRAMID: Final = dlib.pyramid_down(6)


def path(name: str) -> Path:
    """Return where a model's file lies. Raises `ModuleNotFoundError` where the package is not installed."""
    found = importlib.util.find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'face_recognition_models'", name="face_recognition_models")
    return Path(found.submodule_search_locations[0], "models", name)


@dataclass(frozen=True)
class DetectedFace:
    """A face that the detector sees. box: `dlib.rectangle`. score: above 0, 1 is certain. rolled: seen as one
    that leans to a side, or by a detector that does not tell.
    """

    box: Any
    score: float
    rolled: bool


@functools.cache
def _detector() -> Any:
    return dlib.get_frontal_face_detector()


@functools.cache
def _predictor() -> Any:
    return dlib.shape_predictor(str(path(LANDMARKS)))


@functools.cache
def _recogniser() -> Any:
    return dlib.face_recognition_model_v1(str(path(RECOGNISER)))


def load() -> None:
    """Load what every picture needs, so that the first one does not wait for it."""
    _detector()
    _predictor()


def detect(rgb: Picture, doublings: int = 0) -> list[DetectedFace]:
    """Find the faces from 80 pixels on in (H, W, 3) sRGB, which is enlarged so many times before."""
    return _found(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), doublings)


def detect_large(rgb: Picture) -> list[DetectedFace]:
    """Find large faces only, in half the time of `detect`, with whose boxes these agree."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    for _ in range(COARSE):
        grey = _PYRAMID(grey)
    return [replace(face, box=_from_coarse(face.box)) for face in _found(grey)]


def _found(grey: Picture, doublings: int = 0) -> list[DetectedFace]:
    boxes, scores, kinds = _detector().run(grey, doublings, 0.0)
    return [
        DetectedFace(box, float(score), kind in ROLLED)
        for box, score, kind in zip(boxes, scores, kinds, strict=True)
    ]


def _from_coarse(box: Any) -> Any:
    """Return a box as it would have been found with the finest steps, rounded once and not twice."""
    for steps in range(24):
        corner = _PYRAMID.rect_down(box, steps).tl_corner()
        for x, y in itertools.product(range(corner.x - 1, corner.x + 2), range(corner.y - 1, corner.y + 2)):
            window = dlib.rectangle(x, y, x + WINDOW, y + WINDOW)
            if _PYRAMID.rect_up(window, steps) == box:
                return _PYRAMID.rect_up(window, steps + COARSE)
    return _PYRAMID.rect_up(box, COARSE)


def largest_first(faces: Iterable[DetectedFace]) -> list[Any]:
    """Return the boxes, that of most pixels first."""
    return sorted((face.box for face in faces), key=lambda box: int(box.area()), reverse=True)


def shape(rgb: Picture, box: Any) -> Any:
    """Return the face in the box as `points` and `describe` want it."""
    return _predictor()(rgb, box)


def points(found: Any) -> NDArray[np.float64]:
    """Return a shape's 68 landmarks, (68, 2) x, y; pixel centres at +0.5."""
    return np.array([(part.x, part.y) for part in found.parts()], np.float64) + 0.5


def landmarks(rgb: Picture, box: Any) -> NDArray[np.float64]:
    """Return the 68 landmarks of the face in the box, as `points` does."""
    return points(shape(rgb, box))


def describe(rgb: Picture, found: Any) -> NDArray[np.float64]:
    """Return the 128 numbers of the face of this shape: the nearer two are, the more alike the faces."""
    return np.asarray(_recogniser().compute_face_descriptor(rgb, found))
