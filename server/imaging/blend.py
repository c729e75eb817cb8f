"""Apply the lifted corrections to the full-size picture, in place and strip by strip.

Eq. (4) of the paper at full resolution: `o = clip(x - (2y - 1))`, weighted as `reach` says. A strip is small
enough for the processor's cache, which is what makes thirteen megapixels take a tenth of a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from model.inference.strips import side_by_side
from model.inference.threads import threads
from model.paper.colour import decode_srgb, encode_srgb
from plugin.studio_portrait.link.wire import Box

from .colour import Float
from .corrections import Correction
from .crop import inside, white_of
from .lift import Grid, Stretched, grey_of
from .reach import Rect, Selection, lifted, narrowed, reached

CLOSE = 1 / 2048  # of the range: so little may a mask's own rounding change without being mended
# Rows of a strip, alone and beside others: fewer cost calls, more the processor's cache; and with several
# threads a step that is shorter than handing over the interpreter's lock makes them slower than one.
STRIP_ROWS = (64, 128)
WORTH = 256  # columns for which it pays to leave out a matte that is 1 everywhere
# The strips are what runs in parallel; a BLAS that starts threads of its own within each of them
# makes the step twice as slow on an idle machine, and thirty times on a busy one.
_BLAS = ThreadpoolController()
_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


@dataclass(frozen=True)
class _Part:
    """A correction, ready to be read within `rect` of the picture. spans: see `reached`.

    solid: where the matte is 1, whatever the picture is there; None where there is no matte.
    """

    rect: Rect
    stretched: Stretched
    correction: Correction
    spans: NDArray[np.intp]
    solid: NDArray[np.bool_] | None

    def within(self, top: int, bottom: int) -> Rect | None:
        """Return what it may change of the picture's rows top..bottom-1; None for nothing."""
        return narrowed(
            self.correction.grid, self.spans, (self.rect[0], top, self.rect[2], bottom), self.rect
        )

    def run(self, place: Rect) -> tuple[int, int]:
        """First column, and the one after the last, of the longest run where the matte is 1 in a place."""
        if self.solid is None:
            return place[0], place[2]
        grid, share = self.correction.grid, len(self.solid) / self.correction.grid.side
        rows = slice(max(0, int((place[1] - grid.y) * share) - 1), int((place[3] - grid.y) * share) + 2)
        ends = np.flatnonzero(~self.solid[rows].all(0))
        ends = np.concatenate([[-1], ends, [self.solid.shape[1]]])
        longest = int(np.diff(ends).argmax())
        # Between two columns of the matte, a pixel has something of both.
        left, right = (int((ends[longest + i] + side) / share) + grid.x for i, side in ((0, 1.5), (1, -0.5)))
        return max(place[0], left + 1), min(place[2], right)


@dataclass(frozen=True)
class _Place:
    """What the part of this number may change of a tile. solid: its matte is 1 there."""

    number: int
    rect: Rect
    solid: bool


class Reconstruction:
    """The full-size step for one picture.

    pixels: (H, W, C) uint8, uint16 or float32, changed in place by `run`; alpha never is.
    colours: 1 or 3, how many of the channels are colour. linear: samples are linear light.
    others: squares of faces that stay as they are. mask: leave feather and matte out of the pixels and
    return them, so that they can become a layer mask; under it the pixels are those without this setting, for
    which it is raised where its layer would have to be lighter than white or darker than black. difference:
    (box height, box width, colours), takes what is added to the samples, not rounded; the picture then stays.
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
        difference: Float | None = None,
    ):
        self.pixels, self.colours, self.linear, self.box = pixels, colours, linear, box
        self.selection, self.others = selection, others
        self._difference = difference
        self.white = white_of(pixels)
        # Linear light is corrected in 0..1, everything else in its own sample values.
        self._unit = np.float32(1 if linear else self.white)
        self.mask = np.zeros((box.height, box.width), np.uint8) if mask else None
        self._corrections = corrections
        # With a whole frame below, all weights add up to one everywhere: the mask is white, and the
        # feather belongs to the pixels.
        self._apart = mask and not any(c.frame for c in corrections)
        self._parts: list[_Part] = []
        self._bare: list[_Part] = []  # the same with feather and matte left out

    def run(self, cancelled: Callable[[], bool], progress: Callable[[float], None]) -> None:
        """Change the picture. A cancel leaves it half done: the caller drops it."""
        box = self.box
        for correction in self._corrections:
            if not cancelled():
                self._parts += self._prepared(correction, False)
                self._bare += self._prepared(correction, True) if self._apart else []
        rows = STRIP_ROWS[threads() > 1]
        tops = range(box.y, box.y + box.height, rows)

        def work(top: int) -> None:
            if not cancelled():
                self._strip(top, min(top + rows, box.y + box.height))

        with _BLAS.limit(limits=1, user_api="blas"):
            for done, _ in enumerate(side_by_side(work, tops)):
                progress((done + 1) / len(tops))

    def _prepared(self, correction: Correction, apart: bool) -> list[_Part]:
        """Return a correction, if it lies in the box, in the form that is read strip by strip."""
        box, (height, width) = self.box, self.pixels.shape[:2]
        left, top, right, bottom = inside(correction.grid, width, height)
        left, right = max(left, box.x), min(right, box.x + box.width)
        top, bottom = max(top, box.y), min(bottom, box.y + box.height)
        if left >= right or top >= bottom:
            return []
        values = lifted(self._corrections, correction, self.others, (height, width), float(self._unit), apart)
        # Of the weights those that are needed at full size: the mask's, and a painted change's.
        wanted = [
            *values[:2],
            *(values[2:4] if correction.matte else ()),
            *([values[4]] if apart else ()),
            *([values[5]] if correction.painted is not None else ()),
        ]
        stretched = Stretched(wanted, correction.grid, left, right)
        solid = None
        if correction.matte is not None:
            a, b = (part[..., 0] for part in correction.matte)
            solid = np.minimum(b, a + b) >= 1  # it is linear in a grey of 0..1
        return [_Part((left, top, right, bottom), stretched, correction, reached(correction), solid)]

    def _strip(self, top: int, bottom: int) -> None:
        box = self.box
        if self.mask is not None and not self._apart:
            self.mask[top - box.y : bottom - box.y] = 255
        # Only as wide as something changes in these rows: half of a crop is not the person.
        reach = {i: place for i, part in enumerate(self._parts) if (place := part.within(top, bottom))}
        runs = {i: self._parts[i].run(place) for i, place in reach.items()}
        edges = {edge for place in reach.values() for edge in place[::2]}
        edges.update(edge for run in runs.values() if run[1] - run[0] >= WORTH for edge in run)
        for left, right in itertools.pairwise(sorted(edges)):
            here = [
                _Place(i, (left, place[1], right, place[3]), runs[i][0] <= left and right <= runs[i][1])
                for i, place in reach.items()
                if place[0] <= left and right <= place[2]
            ]
            if here:
                self._tile((left, top, right, bottom), here)

    def _tile(self, tile: Rect, places: Sequence[_Place]) -> None:
        """Change a rectangle of the picture."""
        box, (left, top, right, bottom) = self.box, tile
        view = self.pixels[top:bottom, left:right, : self.colours]
        x = view.astype(np.float32)
        if self.linear:
            x = encode_srgb(x * np.float32(1 / self.white))
        correction = self._sum(x, top, left, places)
        chosen = self._chosen(top, bottom, left, right)
        if chosen is not None and (self._apart or self.mask is None):
            correction *= chosen[..., None]
        bare = correction
        if self._apart:
            feather = np.zeros(x.shape[:2], np.float32)
            bare = self._sum(x, top, left, places, feather)
            if chosen is not None:
                feather *= chosen
        if self.pixels.shape[2] > self.colours:
            solid = self.pixels[top:bottom, left:right, -1:] > 0
            correction, bare = correction * solid, bare * solid
        if self.mask is not None:
            shown = np.ones(x.shape[:2], np.float32) if chosen is None else chosen
            if self._apart:
                correction, shown = self._under_mask(x, bare, correction, feather)
            rows = self.mask[top - box.y : bottom - box.y]
            rows[:, left - box.x : right - box.x] = np.clip(np.rint(shown * 255), 0, 255)
        if self._difference is not None:
            here = np.s_[top - box.y : bottom - box.y, left - box.x : right - box.x]
            self._difference[here] = self._change(view, x, correction)
        else:
            self._subtract(view, x, correction)

    def _under_mask(self, x: Float, bare: Float, correction: Float, weight: Float) -> tuple[Float, Float]:
        """Return what to subtract from x so that under a mask it is x less `correction`, and that mask.

        bare: what is subtracted where one may paint the mask white. weight: (rows, columns), the mask's.
        """
        low, high = np.minimum(x, 0), np.maximum(x, self._unit)
        content, wanted = (np.clip(x - change, low, high) - x for change in (bare, correction))
        mask = np.clip(np.rint(weight * 255), 0, 255)
        off = np.abs(content * (mask * np.float32(1 / 255))[..., None] - wanted).max(-1) > CLOSE * self._unit
        if off.any():
            some, least, most = wanted[off], (low - x)[off], (high - x)[off]
            room = np.where(some > 0, most, -least)
            share = (np.abs(some) / np.maximum(room, 1e-6 * self._unit)).max(-1)
            mask[off] = np.clip(np.maximum(mask[off], np.ceil(255 * share - 1e-3)), 1, 255)
            content[off] = np.clip(some * 255 / mask[off][:, None], least, most)
        return -content, mask * np.float32(1 / 255)

    def _sum(
        self, x: Float, top: int, left: int, places: Sequence[_Place], feather: Float | None = None
    ) -> Float:
        """All corrections of a tile added up, without matte if their weights are added to `feather`."""
        total: Float | None = None
        # The slope was fitted within 0..1: beyond, it would run away.
        guide = np.clip(x, 0, 1) if self.linear or self.white == 1 else x
        for place in places:
            part = (self._parts if feather is None else self._bare)[place.number]
            first, low, last, high = place.rect
            here = np.s_[low - top : high - top, first - left : last - left]
            correction = part.correction
            matted = correction.matte is not None
            left_out = (2, 3) if matted and place.solid else ()
            a, change, *rest = part.stretched.rows(low, high, first, last, left_out)
            cv2.accumulateProduct(a, guide[here], change)
            if correction.painted is not None:
                painted = correction.painted.difference(x[here] * (1 / self._unit), low, first)
                change += painted * self._unit * rest.pop()
            matte = None
            if matted and not place.solid:
                matte, offset, *rest = rest
                matte *= grey_of(guide[here])[..., None]
                matte += offset
                np.clip(matte, 0, 1, out=matte)
                if feather is None:
                    every = cv2.cvtColor(matte, cv2.COLOR_GRAY2RGB) if self.colours == 3 else matte
                    cv2.multiply(change, every, dst=change)
            if feather is not None:
                weight = rest[0] if matte is None else rest[0] * matte
                feather[here] += weight[..., 0]
            if total is None and change.shape == x.shape:
                total = change
                continue
            total = np.zeros_like(x) if total is None else total
            total[here] += change
        assert total is not None
        return total

    def _chosen(self, top: int, bottom: int, left: int, right: int) -> Float | None:
        """Return the selection over a part of the box, 0..1."""
        if self.selection is None:
            return None
        chosen = self.selection.box
        part = self.selection.mask[top - chosen.y : bottom - chosen.y, left - chosen.x : right - chosen.x]
        return part.astype(np.float32) * np.float32(1 / 255)

    def _subtract(self, view: NDArray[Any], x: Float, correction: Float) -> None:
        """`view = clip(x - correction)`; samples with no correction are not written at all or unchanged."""
        if view.dtype == np.float32 or self.linear:
            result, changed = self._clipped(x, correction)
            if view.dtype != np.float32:
                np.clip(np.rint(result, out=result), 0, self.white, out=result)
            np.copyto(view, result.astype(view.dtype), where=changed)
            return
        # One pass: subtract, round to the nearest sample, saturate.
        view[:] = cv2.subtract(x, correction, dtype=_DEPTH[view.dtype]).reshape(view.shape)

    def _change(self, view: NDArray[Any], x: Float, correction: Float) -> Float:
        """Return what `_subtract` adds to the samples, before they are rounded."""
        if view.dtype == np.float32 or self.linear:
            result, changed = self._clipped(x, correction)
            return np.where(changed, result - view, np.float32(0))
        return np.asarray(np.clip(x - correction, 0, self.white) - x, np.float32)

    def _clipped(self, x: Float, correction: Float) -> tuple[Float, NDArray[np.bool_]]:
        """Return the samples after the correction, and which of them it changes."""
        # Samples beyond 0..1 (high dynamic range) stay where they are instead of being clipped.
        result = np.clip(x - correction, np.minimum(x, 0), np.maximum(x, 1))
        changed = result != x
        return (decode_srgb(result) * np.float32(self.white) if self.linear else result), changed
