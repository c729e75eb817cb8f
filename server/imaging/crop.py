"""From a picture of any size and sample type to the network's 512-pixel crops, and the windows
with which their corrections are put back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.colour import encode_srgb
from model.paper.framing import Square
from model.smoothstep import smoothstep

from .colour import ColourSpace, Float
from .lift import Grid

SIZE = 512
COARSE = 128  # pixels: windows are smooth, so they are worked out at a quarter of the crop's size
# Alpha from which a pixel's colour counts in full. Only what is all but hidden turns grey: a face that
# shines through would look like one in fog.
SOLID = 0.25
FEATHER = 0.14  # of the crop's side, over which a correction fades out at a crop's edge
# The oval of a face, in shares of an upright crop's side: half its width and height, how far it lies below
# the centre, and where it has faded out (in radii of its own).
OVAL_WIDTH, OVAL_HEIGHT, OVAL_DROP, OVAL_END = 0.21, 0.29, 0.01, 1.2

_WHITE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}


def white_of(pixels: NDArray[Any]) -> float:
    """Return the sample value that stands for 1.0."""
    return _WHITE[pixels.dtype]


def step_to(side: float, least: float = 1.5 * SIZE) -> int:
    """Return the power of two that a side is shrunk by, to no less than `least`, before the exact resize.

    Cheap, and exact by area.
    """
    step = 1
    while side / (2 * step) >= least:
        step *= 2
    return step


def whole_grid(square: Square, turns: int = 0) -> Grid:
    """Return the crop's square in whole pixels, aligned so that `take` can shrink it in whole steps."""
    step = step_to(square.side)
    side = max(8, round(square.side / step) * step)
    x, y = (round((centre - side / 2) / step) * step for centre in (square.cx, square.cy))
    return Grid(x, y, side, turns)


def frame_grid(width: int, height: int) -> Grid:
    """Return the square around the whole picture, centred and aligned like `whole_grid`'s."""
    longest = max(width, height, 8)
    step = step_to(longest)
    side = -(-longest // step) * step
    # Rounded towards the picture, so that the square always holds all of it.
    return Grid(-((side - width) // 2 // step * step), -((side - height) // 2 // step * step), side)


def inside(grid: Grid, width: int, height: int) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the grid's part that lies in the picture."""
    return max(0, grid.x), max(0, grid.y), min(width, grid.x + grid.side), min(height, grid.y + grid.side)


class ImagePyramid:
    """A picture's copies of a half, a quarter ... of its sides, each made once, of the one before.

    pixels: (H, W, C), of which the first `colours` channels are not alpha.
    """

    def __init__(self, pixels: NDArray[Any], colours: int):
        self._made = {1: without_hidden(pixels, colours)}

    def by(self, step: int) -> NDArray[Any]:
        """Return the copy of 1 / step of the sides, a power of two; see `halved`."""
        if step not in self._made:
            self._made[step] = halved(self.by(step // 2), 2)
        return self._made[step]


def take(
    pixels: NDArray[Any],
    grid: Grid,
    space: ColourSpace,
    size: int = SIZE,
    pyramid: ImagePyramid | None = None,
) -> Float:
    """Return the picture over `grid`, shrunk by area: (size, size, 1 or 3) float32, working encoding.

    Beyond the picture its edge pixels are repeated. Parts that are all but transparent turn mid grey.
    pyramid: the picture's, if it is at hand.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = inside(grid, width, height)
    step = step_to(grid.side)
    if pyramid is None:
        part = halved(without_hidden(pixels[top:bottom, left:right], space.channels), step)
    else:
        rows, columns = (bottom - top) // step, (right - left) // step
        part = pyramid.by(step)[top // step :, left // step :][:rows, :columns]
    before = ((top - grid.y) // step, (left - grid.x) // step)
    side = grid.side // step
    after = (side - before[0] - part.shape[0], side - before[1] - part.shape[1])
    if any(before + after):
        part = cv2.copyMakeBorder(
            part, before[0], after[0], before[1], after[1], borderType=cv2.BORDER_REPLICATE
        )
    way = cv2.INTER_AREA if side >= size else cv2.INTER_CUBIC
    part = cv2.resize(part, (size, size), interpolation=way)
    return to_working(part.reshape(size, size, -1), white_of(pixels), space)


def halved(image: NDArray[Any], step: int) -> NDArray[Any]:
    """(H, W, C) by area to 1 / step of its sides, a power of two.

    Less than a step at the far edges is left out. Twice by two is four times as quick as once by four:
    OpenCV has a way of its own for it.
    """
    while step > 1:
        rows, columns = max(1, image.shape[0] // 2), max(1, image.shape[1] // 2)
        half = cv2.resize(image[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA)
        image, step = half.reshape(rows, columns, -1), step // 2
    return image


def shrunk(image: NDArray[Any], longest: int) -> NDArray[Any]:
    """(H, W, C) by area until no side is longer than that; as it is when none is."""
    share = longest / max(image.shape[:2])
    if share >= 1:
        return image
    size = (max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)


def without_hidden(part: NDArray[Any], colours: int) -> NDArray[Any]:
    """Return the same pixels with mid grey where they are fully transparent (a copy if there are such).

    What lies hidden there, often black, must not bleed into the small copies.
    """
    if part.shape[2] == colours:
        return part
    hidden = part[..., -1] == 0
    if not hidden.any():
        return part
    part = part.copy()
    part[hidden, :colours] = white_of(part) / 2
    return part


def to_eight_bit(small: NDArray[Any], white: float, space: ColourSpace) -> NDArray[np.uint8]:
    """Return a small copy of the picture (h, w, C) -> (h, w, 3) uint8 for the eyes of the face detector."""
    if small.dtype == np.uint8 and small.shape[2] == 3 and not space.linear:
        return np.asarray(small, np.uint8)
    working = to_working(small, white, space)
    rgb = np.repeat(working, 3, axis=2) if space.channels == 1 else working
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def to_working(small: NDArray[Any], white: float, space: ColourSpace) -> Float:
    """Turn a small copy (h, w, C), with or without alpha, into (h, w, 1 or 3) in the working encoding."""
    scaled = small.astype(np.float32) * np.float32(1 / white)
    colour = scaled[..., : space.channels]
    if space.linear:
        colour = encode_srgb(colour)
    if scaled.shape[-1] > space.channels:
        shown = np.clip(scaled[..., -1:] / SOLID, 0, 1)
        colour = colour * shown + np.float32(0.5) * (1 - shown)
    return np.ascontiguousarray(colour)


def window(grid: Grid, width: int, height: int, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the crop's feather at picture coordinates x (columns) and y (rows): (len(y), len(x)) in 0..1.

    A ramp over `FEATHER` of the side towards the crop's edges, except where the picture ends too.
    """

    def ramp(at: NDArray[Any], start: int, limit: int) -> NDArray[Any]:
        pixel, margin = grid.side / COARSE, FEATHER * grid.side
        weight = np.ones_like(at)
        if start > 0:
            weight = np.minimum(weight, (at - start - pixel) / margin)
        if start + grid.side < limit:
            weight = np.minimum(weight, (start + grid.side - pixel - at) / margin)
        return smoothstep(weight)

    return np.asarray(ramp(y, grid.y, height)[:, None] * ramp(x, grid.x, width)[None, :])


def face_oval() -> NDArray[np.float32]:
    """Return the face alone within an upright crop, brow to chin and ear to ear: (SIZE, SIZE, 1) in 0..1."""
    at = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    radius = np.hypot(at[None, :] / OVAL_WIDTH, (at[:, None] - OVAL_DROP) / OVAL_HEIGHT)
    return smoothstep((OVAL_END - radius) / (OVAL_END - 1))[..., None].astype(np.float32)


def rim() -> NDArray[np.float32]:
    """Return a ramp towards all edges of an upright crop: (SIZE, SIZE, 1) in 0..1."""
    at = np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1]) / (FEATHER * SIZE)
    ramp = smoothstep(at)
    return np.asarray((ramp[:, None] * ramp)[..., None], np.float32)


def nearness(grid: Grid, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """How much a place belongs to this crop's face when crops overlap: a Gaussian about the centre."""
    sigma = 0.2 * grid.side
    across = (x - grid.x - grid.side / 2) / sigma
    down = (y - grid.y - grid.side / 2) / sigma
    return np.exp(-0.5 * np.minimum(down[:, None] ** 2 + across[None, :] ** 2, 400.0))
