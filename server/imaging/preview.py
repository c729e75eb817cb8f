"""Any rectangle of the retouched picture at any size, without the full-size step.

The same corrections as `blend.Reconstruction`'s, read at the preview's pixels instead of the picture's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box, Settings

from .analysis import Analysis
from .blend import Rect, Selection, lifted, reach
from .colour import Float
from .crop import inside, to_working, white_of, without_hidden
from .errors import BadSetting
from .lift import Grid, grey_of
from .retouch import chosen, left_alone
from .run import Run, never
from .settle import Correction, settle

PLANES = ("pixels", "mask")


def preview(
    pixels: NDArray[Any],
    analysis: Analysis,
    settings: Settings,
    rect: Box,
    width: int,
    height: int,
    *,
    selection: Selection | None = None,
    plane: str = "pixels",
    cancelled: Callable[[], bool] = never,
) -> NDArray[np.uint8]:
    """Show what `render` would make of a rectangle of the picture.

    rect: in the picture's pixels, within it. width, height: of the preview. plane: ``pixels``,
    (height, width, 3) 8-bit sRGB, or ``mask``, (height, width, 1), 255 where the correction counts in full.
    `pixels` stay as they are. Raises `BadSetting`, `Cancelled`, and what the predictor raises.
    """
    if plane not in PLANES:
        raise BadSetting(f"There is no plane {plane:.20} in a preview.")
    view = _View(rect, width, height)
    shown: _Shown = analysis.once("shown", view, lambda: _shrunk(pixels, analysis, view))
    used = chosen(analysis.faces, settings, selection)
    corrections: list[Correction] = []
    if not settings.does_nothing:
        key = (replace(settings, mask=False), tuple(used))
        run = Run(cancelled=cancelled)
        corrections = analysis.once("settled", key, lambda: settle(pixels, analysis, settings, used, run))
    others = left_alone(analysis, used)
    if not settings.limit:
        selection = None
    parts = [
        (place, correction, lifted(corrections, correction, others, analysis.size))
        for correction in corrections
        if (place := view.over(correction, analysis.size)) is not None
    ]
    if plane == "mask":
        mask = np.zeros(shown.working.shape[:2], np.float32)
        for place, correction, values in parts:
            _add_mask(mask, shown, view, place, correction, values)
        mask *= 1 if selection is None else view.of_selection(selection)
        return np.rint(mask * 255).astype(np.uint8)[..., None]
    after = shown.working
    if parts:
        change = np.zeros_like(after)
        for place, correction, values in parts:
            _add(change, shown, view, place, correction, values)
        if selection is not None:
            change *= view.of_selection(selection)[..., None]
        after = np.asarray(cv2.subtract(after, change).reshape(after.shape), np.float32)
    srgb = analysis.space.to_srgb(after)
    return np.asarray(cv2.convertScaleAbs(np.maximum(srgb, 0), alpha=255), np.uint8)


@dataclass(frozen=True)
class _Shown:
    """The picture over a view. working: (height, width, C); guide: within 0..1; grey: its (height, width)."""

    working: Float
    guide: Float
    grey: Float


@dataclass(frozen=True)
class _View:
    """The preview's pixels in the picture."""

    rect: Box
    width: int
    height: int

    @property
    def step(self) -> tuple[float, float]:
        """Pixels of the picture per pixel of the preview, across and down."""
        return self.rect.width / self.width, self.rect.height / self.height

    def over(self, correction: Correction, size: tuple[int, int]) -> Rect | None:
        """Left, top, right, bottom of the preview's pixels that a correction may change; None for none."""
        rect = reach(correction, inside(correction.grid, size[1], size[0]))
        if rect is None:
            return None
        sx, sy = self.step
        left, right = ((edge - self.rect.x) / sx - 0.5 for edge in (rect[0], rect[2]))
        top, bottom = ((edge - self.rect.y) / sy - 0.5 for edge in (rect[1], rect[3]))
        columns = max(0, int(np.ceil(left))), min(self.width, int(np.ceil(right)))
        rows = max(0, int(np.ceil(top))), min(self.height, int(np.ceil(bottom)))
        if columns[0] >= columns[1] or rows[0] >= rows[1]:
            return None
        return columns[0], rows[0], columns[1], rows[1]

    def read(self, values: Float, grid: Grid, part: Rect) -> Float:
        """Return a low-resolution array over `grid` at the preview's pixels left, top, right, bottom."""
        left, top, right, bottom = part
        (sx, sy), depth = self.step, values.shape[2]
        coarse = max(sx, sy) * len(values) / grid.side
        if coarse > 1.5:  # several of its pixels become one
            fewer = max(8, round(len(values) / coarse))
            small = cv2.resize(values, (fewer, fewer), interpolation=cv2.INTER_AREA)
            values = np.asarray(small.reshape(fewer, fewer, depth), np.float32)
        scale = len(values) / grid.side
        matrix = np.array(
            [
                [scale * sx, 0, (self.rect.x + (left + 0.5) * sx - grid.x) * scale - 0.5],
                [0, scale * sy, (self.rect.y + (top + 0.5) * sy - grid.y) * scale - 0.5],
            ]
        )
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (right - left, bottom - top)
        read = cv2.warpAffine(values, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(read.reshape(bottom - top, right - left, depth), np.float32)

    def of_selection(self, selection: Selection) -> Float:
        """Return the selection over the preview, 0..1."""
        whole = np.zeros((self.rect.height, self.rect.width), np.uint8)
        box, rect = selection.box, self.rect
        left, top = max(box.x, rect.x), max(box.y, rect.y)
        right, bottom = (
            min(box.x + box.width, rect.x + rect.width),
            min(box.y + box.height, rect.y + rect.height),
        )
        if left < right and top < bottom:
            part = selection.mask[top - box.y : bottom - box.y, left - box.x : right - box.x]
            whole[top - rect.y : bottom - rect.y, left - rect.x : right - rect.x] = part
        small = cv2.resize(whole, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)


def _shrunk(pixels: NDArray[Any], analysis: Analysis, view: _View) -> _Shown:
    rect, space = view.rect, analysis.space
    part = without_hidden(pixels[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width], space.channels)
    way = cv2.INTER_AREA if view.step[0] >= 1 and view.step[1] >= 1 else cv2.INTER_LINEAR
    small = cv2.resize(part, (view.width, view.height), interpolation=way)
    working = to_working(small.reshape(view.height, view.width, -1), white_of(pixels), space)
    guide = working if pixels.dtype != np.float32 and not space.linear else np.clip(working, 0, 1)
    return _Shown(working, guide, grey_of(guide))


def _add(
    change: Float, shown: _Shown, view: _View, part: Rect, correction: Correction, values: Sequence[Float]
) -> None:
    """Add one correction, times its weights."""
    left, top, right, bottom = part
    place = np.s_[top:bottom, left:right]
    slope, offset = (view.read(value, correction.grid, part) for value in values[:2])
    slope *= shown.guide[place]
    slope += offset
    if correction.painted is not None:
        x, y = view.rect.x + left * view.step[0], view.rect.y + top * view.step[1]
        painted = correction.painted.difference(shown.working[place], y, x, view.step[0])
        slope += painted * view.read(values[5], correction.grid, part)
    if correction.matte is not None:
        matte = _matte(shown, view, part, correction, values)
        cv2.multiply(slope, cv2.merge([matte] * slope.shape[2]).reshape(slope.shape), dst=slope)
    change[place] += slope


def _add_mask(
    mask: Float, shown: _Shown, view: _View, part: Rect, correction: Correction, values: Sequence[Float]
) -> None:
    left, top, right, bottom = part
    weight = view.read(values[4], correction.grid, part)
    if correction.matte is not None:
        weight *= _matte(shown, view, part, correction, values)
    mask[top:bottom, left:right] += weight[..., 0]


def _matte(shown: _Shown, view: _View, part: Rect, correction: Correction, values: Sequence[Float]) -> Float:
    left, top, right, bottom = part
    matte, offset = (view.read(value, correction.grid, part) for value in values[2:4])
    matte *= shown.grey[top:bottom, left:right, None]
    matte += offset
    return np.clip(matte, 0, 1, out=matte)
