"""A picture in memory: upright samples, and everything else the file said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import exif as exif_format
from .errors import PictureError

Samples = NDArray[Any]  # uint8, uint16 or float32, shape (H, W, C), C in 1..4
New = Callable[
    [tuple[int, ...]], NDArray[np.uint8]
]  # makes the array that a decoder fills, like `numpy.empty`
# As large as the wire takes a picture (`link.wire`); a test compares the two.
MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535
MAX_ICC_BYTES = 4 << 20


@dataclass(frozen=True)
class Picture:
    """pixels: (H, W, C) uint8, uint16 or float32 as stored, turned upright (a view); C: 1 grey,
    2 grey + alpha, 3 RGB, 4 RGB + alpha; encoded as `icc` says, sRGB without one.
    orientation: EXIF's 1..8, how the file stores them. exif: a TIFF block without "Exif\\0\\0".
    resolution: pixels per inch. notes: what reading had to convert, for the user.
    source: what the format's own module needs to write the same kind of file again.
    mode: the permission bits of the file; None where there is none.
    """

    pixels: Samples
    format: str
    orientation: int = 1
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    source: Any = None
    mode: int | None = None

    def upright(self) -> Picture:
        """Return the same picture for a file of another kind: stored upright, and saying so."""
        block = exif_format.parse(self.exif)
        return replace(self, orientation=1, exif=block.turned(1).coded() if block else None)


# EXIF orientation: how stored rows become upright ones, as numpy views.
_UPRIGHT: dict[int, Callable[[Samples], Samples]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_QUARTERS = {3: 1, 6: 0, 8: 2}  # as OpenCV counts its turns: by a half, clockwise, counter-clockwise
_INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def turn_upright(stored: Samples, orientation: int) -> Samples:
    """(H, W, C) as stored -> upright, a view."""
    return _UPRIGHT[orientation](stored)


def turn_back(upright: Samples, orientation: int) -> Samples:
    """Upright -> as stored, contiguous; the inverse of `turn_upright`."""
    stored = np.ascontiguousarray(turn_upright(upright, _INVERSE[orientation]))
    # To numpy a turned row or column is contiguous whatever its strides; imagecodecs refuses them.
    return stored.copy() if 1 in stored.shape[:2] else stored


def in_one_piece(picture: Picture) -> Picture:
    """Return the same picture with upright samples that lie in memory of their own, row by row.

    What works on them for long is twice as quick as on a turned view; and memory that another process has
    filled is not copied page by page as it is written to.
    """
    stored = turn_upright(picture.pixels, _INVERSE[picture.orientation])
    return replace(picture, pixels=_turned(stored, picture.orientation))


def back_in_one_piece(picture: Picture) -> Samples:
    """Return the upright samples as a view of stored ones, which is what `turn_back` then finds."""
    if picture.orientation not in _QUARTERS:
        return picture.pixels
    stored = _turned(picture.pixels, _INVERSE[picture.orientation])
    return turn_upright(stored, picture.orientation)


def _turned(image: Samples, orientation: int) -> Samples:
    """Copy `turn_upright` of an image; OpenCV turns by quarters five times as quickly as numpy."""
    import cv2

    upright = turn_upright(image, orientation)
    if orientation not in _QUARTERS:
        return upright.copy()
    return cv2.rotate(np.ascontiguousarray(image), _QUARTERS[orientation]).reshape(upright.shape)


def orientation_of(exif: bytes | None) -> int:
    """EXIF's orientation 1..8; 1 if there is none or it makes no sense."""
    block = exif_format.parse(exif)
    return block.orientation if block else 1


def empty(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Make an array of bytes in memory of its own: the usual `New`."""
    return np.empty(shape, np.uint8)


def check_size(width: int, height: int) -> None:
    """Raise `PictureError` ``too-large`` from the header, before anything is decoded."""
    if width < 1 or height < 1:
        raise PictureError("bad-image", f"The picture has {width} x {height} pixels.")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        limit = f"{MAX_PIXELS // 1_000_000} megapixels, {MAX_SIDE} on a side"
        raise PictureError("too-large", f"The picture has {width} x {height} pixels; the limit is {limit}.")


def check_finite(pixels: Samples) -> None:
    """Raise `PictureError` ``bad-image`` with the number and the first place of NaN and infinite samples."""
    if pixels.dtype.kind != "f":
        return
    count, first = 0, None
    for row, samples in enumerate(pixels):
        wrong = ~np.isfinite(samples)
        if wrong.any():
            count += int(wrong.sum())
            first = first or (int(np.argwhere(wrong)[0][0]), row)
    if first is not None:
        place = f"x {first[0]}, y {first[1]}"
        sentence = f"{count} samples are not numbers or infinite, the first at {place}."
        if count == 1:
            sentence = f"One sample is not a number or infinite, at {place}."
        raise PictureError("bad-image", sentence, "Repair the picture in the program that made it.")


def sane_resolution(value: Any) -> tuple[float, float] | None:
    """Pixels per inch as two positive numbers, or None."""
    try:
        across, down = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    fine = all(math.isfinite(number) and 0 < number < 1e5 for number in (across, down))
    return (across, down) if fine else None
