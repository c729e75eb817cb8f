"""Which portraits can be used, and their 512-pixel head-and-shoulders crops.

Only pictures with exactly one frontal face of enough pixels are of use: the mesh is
fitted to dlib's 68 landmarks, and a crop that must be enlarged has no pores to keep.
People are split once, by a hash of their name, so that no picture of a held-out
person is ever trained on.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model import face_models
from model.errors import Unusable
from model.paper.bilateral import SIZE
from model.paper.framing import Square, face_square

THUMBNAIL: Final = 1040
MIN_SIDE: Final = 300  # pixels of the original under the 512-pixel crop
MAX_YAW: Final = 0.55  # |ln| of the nose's distances to both ends of the jaw
HELD_OUT: Final = 0.2
COLUMNS: Final = ("file", "source", "person")


@dataclass(frozen=True)
class Portrait:
    """One line of the manifest: file below the portraits' folder, source, person, known to wear glasses."""

    file: str
    source: str
    person: str
    glasses: bool = False

    @property
    def name(self) -> str:
        """A file name for the cache."""
        return Path(self.file).with_suffix("").as_posix().replace("/", "_")

    @property
    def held_out(self) -> bool:
        """True for the fifth of the people that is never trained on."""
        digest = hashlib.sha256(self.person.encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT


@dataclass(frozen=True)
class FramedPortrait:
    """crop (512, 512, 3) uint8 sRGB; landmarks (68, 2) in its pixels; valid (512, 512) bool:
    where the picture is (beyond its edge the crop repeats edge pixels, as in serving)."""

    crop: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    valid: NDArray[np.bool_]


class Unfit(Exception):
    """The picture cannot be used; the text says why."""


def manifest(folder: Path) -> list[Portrait]:
    """Every portrait that `folder`/manifest.csv names. Raises `Unusable`."""
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"{path} cannot be read; it names the portraits: file, source, person") from error
    if not rows:
        raise Unusable(f"{path} names no portraits; give each a line: file, source, person")
    found = [_portrait(row, f"{path}, line {number}") for number, row in enumerate(rows, 2)]
    (name, count), *_ = Counter(portrait.name for portrait in found).most_common(1)
    if count > 1:
        raise Unusable(f"{path} has {count} portraits that the cache would call {name}; rename some")
    return found


def _portrait(row: dict[str, str], place: str) -> Portrait:
    lacking = [column for column in COLUMNS if not row.get(column)]
    if lacking:
        raise Unusable(f"{place}, has no {' and no '.join(lacking)}; every line needs one")
    return Portrait(row["file"], row["source"], row["person"], row.get("glasses") == "yes")


def frame(path: Path) -> FramedPortrait:
    """Read a picture, find its only face and cut it out. Raises `Unfit`."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise Unfit("not a picture")
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    landmarks = find_landmarks(rgb)
    square = face_square(landmarks)
    if square.side < MIN_SIDE:
        raise Unfit(f"the crop has only {square.side:.0f} pixels")
    left = np.linalg.norm(landmarks[30] - landmarks[2])
    right = np.linalg.norm(landmarks[30] - landmarks[14])
    if abs(np.log(left / right)) > MAX_YAW:
        raise Unfit("the face is turned away")
    crop = cut(rgb, square)
    valid = cut(np.full(rgb.shape[:2], 255, np.uint8), square, constant=True) > 127
    scale = SIZE / square.side
    return FramedPortrait(crop, (landmarks - [square.x0, square.y0]) * scale, valid)


def find_landmarks(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """dlib's 68 points (x, y), pixel centres at +0.5, of the only face in (H, W, 3) uint8. Raises `Unfit`."""
    small, scale = thumbnail(rgb)
    found = face_models.detect(small)
    if len(found) != 1:
        raise Unfit(f"{len(found)} faces")
    return np.asarray(face_models.landmarks(small, found[0].box) / scale)


def thumbnail(rgb: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return what faces are looked for in, and its share of the picture's size. Raises `Unfit`."""
    scale = min(1.0, THUMBNAIL / max(rgb.shape[:2]))
    if min(rgb.shape[:2]) * scale < 1:
        raise Unfit("a strip too narrow for faces")
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale


def cut(picture: NDArray[Any], square: Square, constant: bool = False) -> NDArray[Any]:
    """Return the 512-pixel crop over `square`: area when shrinking, edge pixels (or zero) outside."""
    height, width = picture.shape[:2]
    x, y, side = round(square.x0), round(square.y0), round(square.side)
    over = (max(0, -y), max(0, y + side - height), max(0, -x), max(0, x + side - width))
    border = cv2.BORDER_CONSTANT if constant else cv2.BORDER_REPLICATE
    padded = cv2.copyMakeBorder(picture, *over, borderType=border)
    x, y = x + over[2], y + over[0]
    way = cv2.INTER_AREA if side >= SIZE else cv2.INTER_CUBIC
    return cv2.resize(padded[y : y + side, x : x + side], (SIZE, SIZE), interpolation=way)
