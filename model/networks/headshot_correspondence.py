"""Which pixel of the example belongs to which pixel of the input, and where the head is.

The 68 landmarks of both faces, an affine map and a thin-plate spline (Bookstein 1989) for what it leaves.
OpenCV's own spline lies in a module that its wheels leave out, and the server has no SciPy; it is one
linear system of 80 unknowns.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.synthesize import masks
from model.paper.bilateral import SIZE

from ..smoothstep import smoothstep

Array = NDArray[np.float32]

STIFFNESS: Final = 2e-4  # of the spline, for coordinates in 0..1: landmarks are a few pixels off
COARSE: Final = 64  # the spline is smooth: it is worked out on this many pixels
FRAME: Final = np.array([(x, y) for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])
FOREHEAD: Final = 0.55  # of the face's height, how far the hair line is above the brows
NECK: Final = (0.10, 0.45)  # below the chin, in face widths: where the head's mask begins and ends to fade
# An oval about the face, half its sides in face widths, and in shares of them where it begins to fade:
# GrabCut may take a busy wall for hair.
OVAL: Final = (1.1, 1.45, 0.75)


def correspondence(landmarks: NDArray[Any], example: NDArray[Any]) -> Array:
    """Where to look in the example for every pixel of the input: (512, 512, 2) x, y for `cv2.remap`.

    landmarks, example: (68, 2) in pixels of their 512 crops, pixel centres at +0.5. On the landmarks the
    two faces meet; at the frame only the affine map of the landmarks counts.
    """
    source, target = landmarks / SIZE, example / SIZE
    affine = np.linalg.lstsq(_one(source), target, rcond=None)[0]
    knots = np.vstack([source, FRAME])
    rest = np.vstack([target - _one(source) @ affine, np.zeros_like(FRAME)])
    n = len(knots)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _kernel(knots, knots) + STIFFNESS * np.eye(n)
    system[:n, n:] = _one(knots)
    system[n:, :n] = _one(knots).T
    weights = np.linalg.solve(system, np.vstack([rest, np.zeros((3, 2))]))
    centres = (np.arange(COARSE) + 0.5) / COARSE
    places = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)
    moved = _kernel(places, knots) @ weights[:n] + _one(places) @ weights[n:]
    bent = cv2.resize(moved.reshape(COARSE, COARSE, 2), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    centres = (np.arange(SIZE) + 0.5) / SIZE
    straight = _one(np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)) @ affine
    return np.asarray((straight.reshape(SIZE, SIZE, 2) + bent) * SIZE - 0.5, np.float32)


def _one(points: NDArray[Any]) -> NDArray[Any]:
    return np.hstack([points, np.ones((len(points), 1))])


def _kernel(places: NDArray[Any], knots: NDArray[Any]) -> NDArray[Any]:
    """r^2 log r."""
    square = ((places[:, None] - knots[None]) ** 2).sum(-1)
    return np.asarray(0.5 * square * np.log(square + 1e-12))


def head(crop: NDArray[np.uint8], landmarks: NDArray[Any]) -> Array:
    """Soft matte of the head, hair and neck, (512, 512) in [0, 1]: GrabCut from the face's outline."""
    face = np.zeros(crop.shape[:2], np.uint8)
    brows, chin = landmarks[17:27], landmarks[8]
    up = (brows.mean(0) - chin) * FOREHEAD
    outline = np.vstack([landmarks, brows + up]).astype(np.int32)
    cv2.fillConvexPoly(face, cv2.convexHull(outline), 1)
    matte = masks.person(crop, face > 0, landmarks)
    width = float(np.ptp(landmarks[:17, 0]))
    below = (np.arange(SIZE) - chin[1]) / width
    neck = 1 - ((below - NECK[0]) / (NECK[1] - NECK[0])).clip(0, 1)
    x, y = (np.arange(SIZE)[:, None] - landmarks[27:36].mean(0)).T / width
    radius = np.hypot(x[None] / OVAL[0], y[:, None] / OVAL[1])
    oval = ((1 - radius) / (1 - OVAL[2])).clip(0, 1)
    return np.asarray(matte * smoothstep(neck)[:, None] * smoothstep(oval), np.float32)
