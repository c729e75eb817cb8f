"""Lift a 512-pixel correction to full size, with the picture itself as the guide.

Stretched plainly over a photograph five times as large, the network's difference `d` would be
blurred across every edge: a halo along jaw and hair. So around each low-resolution pixel it is
written as a linear function of the picture, `d = a x + b`, with the slope `a` of the guided
filter (He et al. 2010; sub-sampled as in the fast guided filter, He and Sun 2015). `b` takes what
the slope leaves, pixel by pixel, so that at low resolution `d` is met exactly; at full size `a`
moves its edges to where the picture has them. `benchmarks.lift` compares this with a plain
stretch and with the guided filter proper, whose smoothed `b` loses more than it mends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model import guided_filter

Float = NDArray[np.float32]

RADIUS = 2  # of the guided filter's window, pixels at 512
MATTE_RADIUS = 4  # likewise, for the matte
MATTE_EPSILON = 3e-4
_MEAN = np.full((1, 3), 1 / 3, np.float32)
SMEAR = 0.08  # of the matte, that the guided filter may carry over an edge
EPSILON = 1e-3  # variance (of samples in 0..1) below which the guide counts as flat


@dataclass(frozen=True)
class Grid:
    """A square of the picture in whole pixels; may reach over the picture's edge.

    turns: how many quarter turns counter-clockwise put the face in it upright.
    """

    x: int
    y: int
    side: int
    turns: int = 0


def windows_of(guide: Float) -> tuple[Float, Float]:
    """Return what of a guide `guided_coefficients` needs for every difference alike."""
    return guided_filter.windows(guide, RADIUS)


def guided_coefficients(
    guide: Float, difference: Float, known: tuple[Float, Float] | None = None
) -> tuple[Float, Float]:
    """Fit `a`, `b` with `difference = a * guide + b`, `a` in every window, per channel.

    guide, difference: (S, S, C), the guide nominally in 0..1. known: the guide's `windows_of`, if at hand.
    Returns two (S, S, C).
    """
    slope = guided_filter.slopes(guide, difference, RADIUS, EPSILON, known or windows_of(guide))
    offset = slope * guide
    return slope, np.subtract(difference, offset, out=offset)


def guided_matte(guide: Float, matte: Float) -> tuple[Float, Float]:
    """Fit `a`, `b` with which ``clip(a * grey + b, 0, 1)`` is the matte, its edge moved to the picture's.

    The guided filter proper, whose smoothed `b` wipes out what the matte has and the picture has not; what it
    smears over an edge by a little is put to 0 and to 1. guide: (S, S, C),
    nominally in 0..1; matte: (S, S, 1). Returns two (S, S, 1).
    """
    grey = grey_of(guide)[..., None]
    slope, offset = guided_filter.coefficients(grey, matte, MATTE_RADIUS, MATTE_EPSILON)
    contrast = np.float32(1 / (1 - 2 * SMEAR))
    return contrast * slope, contrast * (offset - np.float32(SMEAR))


def grey_of(guide: Float) -> Float:
    """(rows, columns, C) -> (rows, columns): the mean of the colours, which mattes follow."""
    return np.asarray(cv2.transform(guide, _MEAN) if guide.shape[2] == 3 else guide[..., 0], np.float32)


class Stretched:
    """Low-resolution arrays over a `Grid`, read in full-size rows.

    values: (S, S, K) float32 each, K <= 4. Linear interpolation between pixel centres: across by OpenCV once,
    down by a small matrix product for each strip of rows, so that no full-size copy ever exists.
    """

    def __init__(self, values: Sequence[Float], grid: Grid, left: int, right: int):
        """Prepare the picture's columns left..right-1, which must lie within the grid."""
        self._grid, self._left = grid, left
        first, last = left - grid.x, right - grid.x
        self._wide: list[tuple[int, NDArray[Any]]] = []
        for part in values:
            size, _, depth = part.shape
            wide = cv2.resize(part, (grid.side, size), interpolation=cv2.INTER_LINEAR).reshape(size, -1)
            self._wide.append((depth, wide[:, first * depth : last * depth]))
        at = np.clip((np.arange(grid.side) + 0.5) * (size / grid.side) - 0.5, 0, size - 1)
        self._low = np.minimum(at.astype(np.int64), size - 2)  # for each of the grid's rows
        self._share = (at - self._low).astype(np.float32)

    def rows(self, top: int, bottom: int, left: int, right: int, left_out: Sequence[int] = ()) -> list[Float]:
        """Return the picture's rows top..bottom-1 and columns left..right-1, within those that were prepared.

        Returns (rows, columns, K) of each of the arrays but those at the places `left_out`.
        """
        within = slice(top - self._grid.y, bottom - self._grid.y)
        low, share = self._low[within], self._share[within]
        first = int(low[0])
        weights = np.zeros((bottom - top, int(low[-1]) - first + 2), np.float32)
        index = np.arange(bottom - top)
        weights[index, low - first] = 1 - share
        weights[index, low - first + 1] += share
        used = slice(first, first + weights.shape[1])
        first, last = left - self._left, right - self._left
        return [
            (weights @ wide[used, first * depth : last * depth]).reshape(bottom - top, -1, depth)
            for number, (depth, wide) in enumerate(self._wide)
            if number not in left_out
        ]
