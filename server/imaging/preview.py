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

from model.inference.strips import in_strips
from plugin.studio_portrait.link.wire import Box, Settings

from .analysis import Analysis
from .colour import Float
from .corrections import Correction, make_corrections
from .crop import inside, to_working, white_of, without_hidden
from .errors import BadSetting
from .lift import Grid, grey_of
from .reach import Rect, Selection, reach, weights
from .retouch import chosen, left_alone
from .run import Run, never

PLANES = ("pixels", "own", "mask")


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
    (height, width, 3) 8-bit sRGB; ``own``, (height, width, channels) in the picture's working encoding; or
    ``mask``, (height, width, 1), 255 where the correction counts in full.
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
        corrections = analysis.once(
            "corrections", key, lambda: make_corrections(pixels, analysis, settings, used, run)
        )
    parts = _parts(analysis, corrections, settings.reach, used, shown, view)
    selected = view.of_selection(selection) if settings.limit and selection is not None else None
    channels = {"pixels": 3, "own": analysis.space.channels, "mask": 1}[plane]
    result = np.empty((height, width, channels), np.uint8)

    def show(rows: slice) -> None:
        chosen = None if selected is None else selected[rows, :, None]
        if plane == "mask":
            mask = np.zeros((rows.stop - rows.start, width, 1), np.float32)
            for part in parts:
                part.add_mask(mask, rows)
            # Shares of crops of different sizes, each read on its own grid, may add up to a little above 1.
            result[rows] = np.minimum(np.rint((mask if chosen is None else mask * chosen) * 255), 255)
            return
        after = shown.working[rows]
        if parts:
            change = np.zeros_like(after)
            for part in parts:
                part.add(change, shown, rows)
            if chosen is not None:
                change *= chosen
            after = np.asarray(cv2.subtract(after, change).reshape(after.shape), np.float32)
        seen = np.maximum(after if plane == "own" else analysis.space.to_srgb(after), 0)
        result[rows] = cv2.convertScaleAbs(seen, alpha=255).reshape(seen.shape)

    in_strips(height, show)
    return result


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

    def ready(self, values: Float, grid: Grid) -> Float:
        """Return a low-resolution array over `grid` for `read`: shrunk where several pixels become one."""
        sx, sy = self.step
        coarse = max(sx, sy) * len(values) / grid.side
        if coarse <= 1.5:
            return values
        fewer = max(8, round(len(values) / coarse))
        small = cv2.resize(values, (fewer, fewer), interpolation=cv2.INTER_AREA)
        return np.asarray(small.reshape(fewer, fewer, -1), np.float32)

    def read(self, values: Float, grid: Grid, part: Rect) -> Float:
        """Return an array that is `ready` at the preview's pixels left, top, right, bottom."""
        left, top, right, bottom = part
        (sx, sy), depth = self.step, values.shape[2]
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


@dataclass(frozen=True)
class _Fixed:
    """What of a correction no slider changes. place: left, top, right, bottom in the preview.

    weight: (S, S, C), of slope and offset; ready: one channel of it, for `_View.read`. matte: (rows,
    columns, 1) over `place`, None where it is 1 everywhere.
    """

    place: Rect
    weight: Float
    ready: Float
    matte: Float | None


@dataclass(frozen=True)
class _Part:
    """One correction over a view. slope, offset: times their weight, `ready`."""

    correction: Correction
    fixed: _Fixed
    view: _View
    slope: Float
    offset: Float

    def add(self, change: Float, shown: _Shown, rows: slice) -> None:
        """Add what it subtracts from the preview's `rows`, of which `change` is."""
        found = self._within(rows)
        if found is None:
            return
        part, here, there = found
        view, grid = self.view, self.correction.grid
        left, top, right, bottom = part
        place = np.s_[top:bottom, left:right]
        slope = view.read(self.slope, grid, part)
        slope *= shown.guide[place]
        slope += view.read(self.offset, grid, part)
        if self.correction.painted is not None:
            x, y = view.rect.x + left * view.step[0], view.rect.y + top * view.step[1]
            painted = self.correction.painted.difference(shown.working[place], y, x, view.step[0])
            slope += painted * view.read(self.fixed.ready, grid, part)
        if self.fixed.matte is not None:
            matte = cv2.merge([self.fixed.matte[there]] * slope.shape[2]).reshape(slope.shape)
            cv2.multiply(slope, matte, dst=slope)
        change[here, left:right] += slope

    def add_mask(self, mask: Float, rows: slice) -> None:
        """Add how far the preview's `rows` are reached."""
        found = self._within(rows)
        if found is None:
            return
        part, here, there = found
        weight = self.view.read(self.fixed.ready, self.correction.grid, part)
        if self.fixed.matte is not None:
            weight *= self.fixed.matte[there]
        mask[here, part[0] : part[2]] += weight

    def _within(self, rows: slice) -> tuple[Rect, slice, slice] | None:
        """Return the part of its place in the preview's `rows`, and which of these and of its own it is."""
        left, top, right, bottom = self.fixed.place
        low, high = max(top, rows.start), min(bottom, rows.stop)
        if low >= high:
            return None
        start = rows.start
        return (left, low, right, high), slice(low - start, high - start), slice(low - top, high - top)


def _parts(
    analysis: Analysis,
    corrections: Sequence[Correction],
    reach: str,
    used: Sequence[int],
    shown: _Shown,
    view: _View,
) -> list[_Part]:
    """Return the corrections that reach into the view."""

    def fixed() -> list[_Fixed | None]:
        others = left_alone(analysis, used)
        return [_fixed(corrections, one, others, analysis.size, shown, view) for one in corrections]

    # Whether the whole frame has a correction depends on sliders.
    key = (view, reach, tuple(used), len(corrections))
    return [
        _Part(
            one,
            known,
            view,
            view.ready(one.slope * known.weight, one.grid),
            view.ready(one.offset * known.weight, one.grid),
        )
        for one, known in zip(corrections, analysis.once("fixed", key, fixed), strict=True)
        if known is not None
    ]


def _fixed(
    corrections: Sequence[Correction],
    own: Correction,
    others: Sequence[Grid],
    size: tuple[int, int],
    shown: _Shown,
    view: _View,
) -> _Fixed | None:
    place = view.over(own, size)
    if place is None:
        return None
    share, feather = weights(corrections, own, others, size[1], size[0])
    weight, matte = share * feather, None
    if own.matte is not None:
        left, top, right, bottom = place
        matte, offset = (view.read(view.ready(part, own.grid), own.grid, place) for part in own.matte)
        matte *= shown.grey[top:bottom, left:right, None]
        matte += offset
        np.clip(matte, 0, 1, out=matte)
    wide = np.repeat(weight, own.slope.shape[2], axis=2)
    ready = view.ready(weight, own.grid)
    return _Fixed(place, wide, ready, matte)
