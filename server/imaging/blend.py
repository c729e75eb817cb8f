"""Apply the lifted corrections to the full-size picture, in place and strip by strip.

Eq. (4) of the paper at full resolution: `o = clip(x - (2y - 1))`. Every crop's correction
is weighted by its feather, so that it ends before the crop does; where crops overlap, each
place listens most to the face it is nearest to. A strip is small enough for the processor's
cache, which is what makes thirteen megapixels take a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from model.inference.threads import threads
from plugin.studio_portrait.link.wire import Box

from .colour import Float, decode_srgb, encode_srgb
from .crop import COARSE, inside, nearness, white_of, window
from .lift import Grid, Stretched, grey_of, sharp
from .settle import Correction

STRIP_ROWS = 48  # measured: fewer cost calls, more the processor's cache
# The strips are what runs in parallel; a BLAS that starts threads of its own within each of them
# makes the step twice as slow on an idle machine, and thirty times on a busy one.
_BLAS = ThreadpoolController()
_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


@dataclass(frozen=True)
class Selection:
    """The user's selection. box: where it is. mask: (height, width) uint8, 255 fully selected."""

    box: Box
    mask: NDArray[np.uint8]

    def holds(self, x: float, y: float) -> bool:
        column, row = int(x) - self.box.x, int(y) - self.box.y
        within = 0 <= row < self.mask.shape[0] and 0 <= column < self.mask.shape[1]
        return bool(within and self.mask[row, column] >= 128)


def affected(
    corrections: Sequence[Correction], width: int, height: int, selection: Selection | None
) -> Box | None:
    """The rectangle outside which nothing can change; None when there is none."""
    if not corrections:
        return None
    parts = np.array([inside(c.grid, width, height) for c in corrections])
    left, top = parts[:, :2].min(0)
    right, bottom = parts[:, 2:].max(0)
    if selection is not None:
        chosen = selection.box
        left, top = max(left, chosen.x), max(top, chosen.y)
        right, bottom = min(right, chosen.x + chosen.width), min(bottom, chosen.y + chosen.height)
    if right <= left or bottom <= top:
        return None
    return Box(int(left), int(top), int(right - left), int(bottom - top))


def _meet(a: Grid, b: Grid) -> bool:
    return abs(2 * (a.x - b.x) + a.side - b.side) < a.side + b.side and (
        abs(2 * (a.y - b.y) + a.side - b.side) < a.side + b.side
    )


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
    """What is read of one correction: slope; offset; the matte's two, the mask's and the change's weight.

    size: the picture's height and width. unit: the sample value that stands for 1. apart: the feather is only
    in the mask's weight.
    """
    share, feather = weights(corrections, own, others, size[1], size[0])
    weight = share if apart else share * feather
    matte = own.matte or (np.zeros_like(share), np.ones_like(share))
    return [
        own.slope * weight,
        own.offset * (weight * np.float32(unit)),
        np.concatenate([matte[0] / np.float32(unit), matte[1], share * feather, weight], -1),
    ]


class Reconstruction:
    """The full-size step for one picture.

    pixels: (H, W, C) uint8, uint16 or float32, changed in place by `run`; alpha never is.
    colours: 1 or 3, how many of the channels are colour. linear: samples are linear light.
    others: squares of faces that stay as they are. mask: leave feather and matte out of the pixels and
    return them, so that they can become a layer mask.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        colours: int,
        linear: bool,
        corrections: Sequence[Correction],
        box: Box,
        selection: Selection | None = None,
        others: Sequence[Grid] = (),
        mask: bool = False,
    ):
        self.pixels, self.colours, self.linear, self.box = pixels, colours, linear, box
        self.selection, self.others = selection, others
        self.white = white_of(pixels)
        # Linear light is corrected in 0..1, everything else in its own sample values.
        self._unit = np.float32(1 if linear else self.white)
        self.mask = np.zeros((box.height, box.width), np.uint8) if mask else None
        self._corrections = corrections
        # With a whole frame below, all weights add up to one everywhere: the mask is white, and the
        # feather belongs to the pixels.
        self._apart = mask and not any(c.frame for c in corrections)
        self._parts: list[tuple[tuple[int, int, int, int], Stretched, Correction]] = []

    def run(self, cancelled: Callable[[], bool], progress: Callable[[float], None]) -> None:
        """Changes the picture. A cancel leaves it half done: the caller drops it."""
        box = self.box
        for correction in self._corrections:
            if not cancelled():
                self._prepare(correction)
        tops = range(box.y, box.y + box.height, STRIP_ROWS)
        with _BLAS.limit(limits=1, user_api="blas"), ThreadPoolExecutor(min(8, threads())) as pool:
            for done, _ in enumerate(pool.map(lambda top: None if cancelled() else self._strip(top), tops)):
                progress((done + 1) / len(tops))

    def _prepare(self, correction: Correction) -> None:
        """Brings one correction into the form that is read strip by strip."""
        box, (height, width) = self.box, self.pixels.shape[:2]
        left, top, right, bottom = inside(correction.grid, width, height)
        left, right = max(left, box.x), min(right, box.x + box.width)
        top, bottom = max(top, box.y), min(bottom, box.y + box.height)
        if left >= right or top >= bottom:
            return
        values = lifted(
            self._corrections, correction, self.others, (height, width), float(self._unit), self._apart
        )
        stretched = Stretched(values, correction.grid, left, right)
        self._parts.append(((left, top, right, bottom), stretched, correction))

    def _strip(self, top: int) -> None:
        box = self.box
        bottom = min(top + STRIP_ROWS, box.y + box.height)
        view = self.pixels[top:bottom, box.x : box.x + box.width, : self.colours]
        x = view.astype(np.float32)
        if self.linear:
            x = encode_srgb(x * np.float32(1 / self.white))
        correction, feather = self._sum(x, top, bottom)
        chosen = self._chosen(top, bottom)
        if self.mask is not None:
            if not self._apart:
                feather[:] = 1
            shown = feather if chosen is None else feather * chosen
            self.mask[top - box.y : bottom - box.y] = np.clip(np.rint(shown * 255), 0, 255)
        elif chosen is not None:
            correction *= chosen[..., None]
        if self.pixels.shape[2] > self.colours:
            correction *= self.pixels[top:bottom, box.x : box.x + box.width, -1:] > 0
        self._subtract(view, x, correction)

    def _sum(self, x: Float, top: int, bottom: int) -> tuple[Float, Float]:
        """All corrections of the strip added up, and their feathers (for a mask)."""
        box = self.box
        correction: Float | None = None
        feather = np.zeros(x.shape[:2] if self.mask is not None else (0, 0), np.float32)
        # The slope was fitted within 0..1: beyond, it would run away.
        guide = np.clip(x, 0, 1) if self.linear or self.white == 1 else x
        grey: Float | None = None
        for (left, first, right, last), stretched, change in self._parts:
            low, high = max(top, first), min(bottom, last)
            if low >= high:
                continue
            place = np.s_[low - top : high - top, left - box.x : right - box.x]
            a, b, weights = stretched.rows(low, high)
            a *= guide[place]
            a += b
            if change.painted is not None:
                painted = change.painted.difference(x[place] * (1 / self._unit), low, left)
                a += painted * self._unit * weights[..., 3:]
            if change.matte is not None:
                if grey is None:
                    grey = grey_of(guide)
                matte = sharp(weights[..., 0] * grey[place] + weights[..., 1])
                weights[..., 2] *= matte
                if not self._apart:
                    a *= matte[..., None]
            if self.mask is not None:
                feather[place] += weights[..., 2]
            if correction is None and a.shape == x.shape:
                correction = a
                continue
            correction = np.zeros_like(x) if correction is None else correction
            correction[place] += a
        return np.zeros_like(x) if correction is None else correction, feather

    def _chosen(self, top: int, bottom: int) -> Float | None:
        """The selection over the strip, 0..1."""
        if self.selection is None:
            return None
        box, chosen = self.box, self.selection.box
        left = box.x - chosen.x
        part = self.selection.mask[top - chosen.y : bottom - chosen.y, left : left + box.width]
        return part.astype(np.float32) * np.float32(1 / 255)

    def _subtract(self, view: NDArray[Any], x: Float, correction: Float) -> None:
        """`view = clip(x - correction)`; samples with no correction are not written at all or unchanged."""
        if view.dtype == np.float32 or self.linear:
            # Samples beyond 0..1 (high dynamic range) stay where they are instead of being clipped.
            result = np.clip(x - correction, np.minimum(x, 0), np.maximum(x, 1))
            changed = result != x
            if self.linear:
                result = decode_srgb(result) * np.float32(self.white)
            if view.dtype != np.float32:
                np.clip(np.rint(result, out=result), 0, self.white, out=result)
            np.copyto(view, result.astype(view.dtype), where=changed)
            return
        # One pass: subtract, round to the nearest sample, saturate.
        view[:] = cv2.subtract(x, correction, dtype=_DEPTH[view.dtype]).reshape(view.shape)
