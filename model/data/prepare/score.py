"""How far the two pictures of a pair are still off each other after alignment, in pixels.

Mutual information says which of two maps is better, not whether the best is good enough: a face
that turned or laughed between the two photographs has no affine map. So what is left is measured
block by block: phase correlation (Kuglin and Hines 1975) of the edges, which both lights share.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.whole_pictures import RGB
from model.paper.bilateral import SIZE
from model.paper.framing import RISE, SCALE

BLOCK: Final = 96  # pixels
BLOCKS: Final = 5  # across and down the face
QUANTILE: Final = 0.75  # of the blocks, by their edges
LIMIT: Final = 2.0  # pixels; above it the tool drops a pair

Float = NDArray[np.float32]


def misalignment(x: RGB, o: RGB) -> float:
    """Pixels of the 512 crop by which three quarters of the face's edges are off at most.

    x, o: (512, 512, 3) uint8 sRGB, the flash and the studio photograph of the same square. 0 is perfect,
    `BLOCK` / 2 the worst that can come out; two different faces give chance values of ten and more.
    """
    ours, theirs = _edges(x), _edges(o)
    window = cv2.createHanningWindow((BLOCK, BLOCK), cv2.CV_32F)
    distances, weights = [], []
    for top, left in _corners():
        a, b = (edges[top : top + BLOCK, left : left + BLOCK] for edges in (ours, theirs))
        (dx, dy), _ = cv2.phaseCorrelate(a, b, window)
        distances.append(float(np.hypot(dx, dy)))
        weights.append(float(np.sqrt((a * window).sum() * (b * window).sum())))
    order = np.argsort(distances)
    share = np.cumsum(np.array(weights)[order])
    if share[-1] <= 0:  # not an edge in one of them
        return BLOCK / 2
    return float(np.array(distances)[order][np.searchsorted(share, QUANTILE * share[-1])])


def _edges(picture: RGB) -> Float:
    """Length of the gradient of the logarithm, so that exposure cancels; edges of a pixel or two."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = np.log(cv2.GaussianBlur(grey, (0, 0), 1.5) + 8)
    return np.asarray(np.hypot(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)), np.float32)


def _corners() -> list[tuple[int, int]]:
    """Upper left corners of the blocks, spread evenly over the landmarks' bounding square."""
    side = SIZE / SCALE
    steps = [round(step) for step in np.linspace(0, side - BLOCK, BLOCKS)]
    left = round((SIZE - side) / 2)
    top = left + round(RISE * side)
    return [(top + down, left + across) for down, across in product(steps, steps)]
