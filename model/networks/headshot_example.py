"""The reference portrait of headshot style transfer: found, framed, and chosen among several.

Faces are brought to the same 512-pixel square as everywhere else (`framing`), so a reference of any
size and aspect serves, as long as its one face, or the largest of several, has enough pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from model import face_models
from model.data.prepare.photograph import pictures, read
from model.data.synthesize.portraits import THUMBNAIL, Unfit, cut
from model.errors import BadReference
from model.paper.bilateral import SIZE
from model.paper.framing import RISE, SCALE, face_square

SMALLEST: Final = 200  # pixels of the reference under the 512-pixel square: below, there is nothing to match
MOST: Final = 100  # references in a folder
HINT: Final = "Choose a sharp portrait of one upright face, at least a few hundred pixels wide."


@dataclass(frozen=True)
class Face:
    """A face in a 512-pixel square. crop: (512, 512, 3) uint8 sRGB; shape: dlib's 68 points in it."""

    crop: NDArray[np.uint8]
    shape: Any

    @cached_property
    def landmarks(self) -> NDArray[np.float64]:
        """(68, 2) x, y in the crop, pixel centres at +0.5."""
        return face_models.points(self.shape)

    @cached_property
    def embedding(self) -> NDArray[np.float64]:
        """dlib's 128 numbers: the nearer two are, the more alike the faces."""
        return face_models.describe(self.crop, self.shape)


def framed(crop: NDArray[np.uint8]) -> Face:
    """Return the face of a crop that its landmarks framed; where the detector misses it, it is expected."""
    found = face_models.detect(crop)
    half, middle = SIZE / SCALE / 2, SIZE / 2 + SIZE / SCALE * RISE
    corners = (SIZE / 2 - half, middle - half, SIZE / 2 + half, middle + half)
    expected = dlib.rectangle(*(round(corner) for corner in corners))
    boxes = (face.box for face in found)
    box = max(boxes, key=lambda one: one.intersect(expected).area(), default=expected)
    if box.intersect(expected).area() < expected.area() / 3:
        box = expected
    return Face(crop, face_models.shape(crop, box))


def load(path: Path) -> Face:
    """Return a reference portrait from a file. Raises `BadReference` with what is wrong with it."""
    if not path.is_file():
        raise BadReference(f"The reference portrait {path} is not there.", "Choose another file.")
    try:
        return find(read(path), f" {path.name}")
    except Unfit as reason:
        raise BadReference(f"The reference portrait cannot be used: {reason}.", HINT) from reason


def find(rgb: NDArray[np.uint8], name: str = "") -> Face:
    """Return the largest face of (H, W, 3) sRGB. Raises `BadReference`. name: for its sentence."""
    scale = min(1.0, THUMBNAIL / max(rgb.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in rgb.shape[1::-1])
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    found = face_models.detect(small, 1 if max(size) < SIZE else 0)
    if not found:
        raise BadReference(f"No face was found in the reference portrait{name}.", HINT)
    square = face_square(face_models.landmarks(small, face_models.largest_first(found)[0]) / scale)
    if square.side < SMALLEST:
        sentence = f"The face in the reference portrait{name} is too small ({square.side:.0f} pixels"
        raise BadReference(f"{sentence} with head and shoulders; {SMALLEST} are needed).", HINT)
    return framed(np.ascontiguousarray(cut(rgb, square)))


def load_all(path: Path) -> list[Face]:
    """One reference, or all usable ones in a folder. Raises `BadReference` if there is none."""
    if not path.is_dir():
        return [load(path)]
    faces, reasons = [], []
    files = pictures(path)
    if len(files) > MOST:
        sentence = f"The folder {path} holds {len(files)} pictures; at most {MOST} can be references."
        raise BadReference(sentence, "Name a folder of a few portraits.")
    for file in files:
        try:
            faces.append(load(file))
        except BadReference as problem:
            reasons.append(problem)
    if not faces:
        why = f" {reasons[0].message}" if reasons else ""
        raise BadReference(f"There is no portrait in {path} that can be a reference.{why}", HINT)
    return faces


def nearest(face: Face, examples: Sequence[Face]) -> Face:
    """Choose the example whose face is most like `face` (the paper, section 5, has its own descriptor)."""
    if len(examples) == 1:
        return examples[0]
    return min(examples, key=lambda one: float(np.linalg.norm(one.embedding - face.embedding)))
