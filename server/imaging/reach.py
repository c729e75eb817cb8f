"""Where corrections reach in the picture, and how they share the places that several of them reach.

Every crop's correction is weighted by its feather, so that it ends before the crop does; where crops overlap,
each place listens most to the face it is nearest to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box

from .colour import Float
from .corrections import Correction
from .crop import COARSE, inside, nearness, window
from .lift import Grid

Rect = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Selection:
    """The user's selection. box: where it is. mask: (height, width) uint8, 255 fully selected."""

    box: Box
    mask: NDArray[np.uint8]

    def holds(self, x: float, y: float) -> bool:
        """Return whether the selection has a place of the picture, in pixels, at least by half."""
        column, row = int(x) - self.box.x, int(y) - self.box.y
        within = 0 <= row < self.mask.shape[0] and 0 <= column < self.mask.shape[1]
        return bool(within and self.mask[row, column] >= 128)


def reached(correction: Correction) -> NDArray[np.intp]:
    """First and last column, (S, 2), that each row of its arrays may change; first > last for none."""
    size = len(correction.slope)
    spans = np.tile(np.array([0, size - 1]), (size, 1))
    if correction.matte is not None:
        a, b = (part[..., 0] for part in correction.matte)
        some = np.maximum(b, a + b) > 0  # the matte is linear in a grey of 0..1
        spans[:, 0] = np.where(some.any(1), some.argmax(1), size)
        spans[:, 1] = np.where(some.any(1), size - 1 - some[:, ::-1].argmax(1), -1)
    return spans


def reach(correction: Correction, rect: Rect) -> Rect | None:
    """Return the rectangle of the picture that a correction may change, within `rect`."""
    spans = reached(correction)
    rows = np.flatnonzero(spans[:, 0] <= spans[:, 1])
    if not len(rows):
        return None
    pixel = correction.grid.side / len(spans)
    top = max(rect[1], correction.grid.y + int((rows[0] - 1) * pixel))
    bottom = min(rect[3], correction.grid.y + int(np.ceil((rows[-1] + 2) * pixel)))
    return narrowed(correction.grid, spans, (rect[0], top, rect[2], bottom), rect)


def narrowed(grid: Grid, spans: NDArray[np.intp], wanted: Rect, rect: Rect) -> Rect | None:
    """Return the part of a rectangle of the picture, within `rect`, that lies in the spans."""
    low, high = max(wanted[1], rect[1]), min(wanted[3], rect[3])
    if low >= high:
        return None
    share = len(spans) / grid.side
    first = max(0, int((low - grid.y) * share) - 2)
    last = min(len(spans), int((high - grid.y) * share) + 3)
    left = int((int(spans[first:last, 0].min()) - 1) / share) + grid.x
    right = int(np.ceil((int(spans[first:last, 1].max()) + 2) / share)) + grid.x
    left, right = max(left, wanted[0], rect[0]), min(right, wanted[2], rect[2])
    return (left, low, right, high) if left < right else None


def affected(
    corrections: Sequence[Correction], width: int, height: int, selection: Selection | None
) -> Box | None:
    """Return the rectangle outside which nothing can change; None when there is none."""
    if not corrections:
        return None
    whole = [reach(c, inside(c.grid, width, height)) for c in corrections]
    parts = np.array([rect for rect in whole if rect is not None])
    if not len(parts):
        return None
    left, top = parts[:, :2].min(0)
    right, bottom = parts[:, 2:].max(0)
    if selection is not None:
        chosen = selection.box
        left, top = max(left, chosen.x), max(top, chosen.y)
        right, bottom = min(right, chosen.x + chosen.width), min(bottom, chosen.y + chosen.height)
    if right <= left or bottom <= top:
        return None
    return Box(int(left), int(top), int(right - left), int(bottom - top))


def weights(
    corrections: Sequence[Correction], own: Correction, others: Sequence[Grid], width: int, height: int
) -> tuple[Float, Float]:
    """Of one correction, on its own low-resolution grid: its share among all, and its feather.

    others: squares of faces that are not to be changed, whose places their neighbours' corrections leave.
    """
    centres = (np.arange(COARSE) + 0.5) * (own.grid.side / COARSE)
    x, y = own.grid.x + centres, own.grid.y + centres
    total = np.full((COARSE, COARSE), 1e-30)
    covered = np.zeros_like(total)
    share, feather = np.zeros_like(total), np.ones_like(total)
    for other in corrections:
        if other.frame or not _meet(own.grid, other.grid):
            continue
        edge = window(other.grid, width, height, x, y)
        pull = edge * nearness(other.grid, x, y)
        total += pull
        covered += pull * edge
        if other is own:
            share, feather = pull, edge
    rivals = sum(
        window(grid, width, height, x, y) * nearness(grid, x, y) for grid in others if _meet(own.grid, grid)
    )
    ours = total / (total + rivals)
    size = len(own.slope)
    if own.frame:
        return _fine(1 - ours * covered / total, size), _fine(feather, size)
    return _fine(share / total, size), _fine(feather * ours, size)


def _meet(a: Grid, b: Grid) -> bool:
    return abs(2 * (a.x - b.x) + a.side - b.side) < a.side + b.side and (
        abs(2 * (a.y - b.y) + a.side - b.side) < a.side + b.side
    )


def _fine(coarse: NDArray[Any], size: int) -> Float:
    """(COARSE, COARSE) -> (size, size, 1)."""
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)[..., None].astype(np.float32)


def lifted(
    corrections: Sequence[Correction],
    own: Correction,
    others: Sequence[Grid],
    size: tuple[int, int],
    unit: float = 1,
    apart: bool = False,
) -> list[Float]:
    """Return one correction's arrays: slope, offset, the matte's two, the mask's and the change's weight.

    size: the picture's height and width. unit: the sample value that stands for 1. apart: the feather is only
    in the mask's weight.
    """
    share, feather = weights(corrections, own, others, size[1], size[0])
    weight = share if apart else share * feather
    matte = own.matte or (np.zeros_like(share), np.ones_like(share))
    return [
        own.slope * weight,
        own.offset * (weight * np.float32(unit)),
        matte[0] / np.float32(unit),
        matte[1],
        share * feather,
        weight,
    ]
