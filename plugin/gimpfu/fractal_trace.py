"""GIMP 2's filter Fractal Trace, as it was computed there, on bytes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from . import region
from .region import PixelRgn, Rectangle


@dataclass
class _Samples:
    """All of a drawable; colours: how many of a pixel's `bpp` bytes are."""

    data: bytes
    width: int
    height: int
    bpp: int
    colours: int

    def at(self, x: float, y: float) -> bytes:
        """Return the pixel between four others; clear ones do not count."""
        column, row, bpp = int(x), int(y), self.bpp
        dx, dy = x - column, y - row
        corners = [
            ((line * self.width + place) * bpp, part * share)
            for line, part in ((row, 1 - dy), (min(row + 1, self.height - 1), dy))
            for place, share in ((column, 1 - dx), (min(column + 1, self.width - 1), dx))
        ]
        if self.colours < bpp:
            corners = [(at, part * self.data[at + self.colours] / 255) for at, part in corners]
        total = sum(part for _, part in corners) * 1.0001
        if total * 255 < 1:
            return bytes(bpp)
        mixed = (sum(self.data[at + n] * part for at, part in corners) for n in range(self.colours))
        alpha = [int(min(1.0, total) * 255)] * (bpp - self.colours)
        return bytes([*(int(one / total) for one in mixed), *alpha])


def _mandelbrot(start: complex, depth: int) -> complex:
    point = start
    for _ in range(depth):
        point = point * point + start
        if abs(point) > 1e9:
            break
    return point


def fractal_trace(
    image: Any, drawable: Any, xmin: float, xmax: float, ymin: float, ymax: float, depth: int, outside: int
) -> None:
    """Map the picture through `depth` steps of the Mandelbrot set.

    outside: 0 wrapped, 1 clear, 2 black, 3 white.
    """

    def make(source: PixelRgn, rectangle: Rectangle) -> bytes:
        left, top, width, height = rectangle
        colours = source.bpp - 1 if drawable.has_alpha() else source.bpp
        samples = _Samples(bytes(source[:, :]), source.w, source.h, source.bpp, colours)
        across, down = (xmax - xmin) / width, (ymax - ymin) / height
        made = bytearray()
        for row, column in itertools.product(range(height), range(width)):
            point = _mandelbrot(complex(xmin + column * across, ymin + row * down), int(depth))
            x, y = (point.real - xmin) / across + left, (point.imag - ymin) / down + top
            made += _traced(samples, x, y, outside)
        return bytes(made)

    region.replace_selected(drawable, make)


def _traced(samples: _Samples, x: float, y: float, outside: int) -> bytes:
    """Return the pixel at a place that may lie outside of the picture."""
    width, height, colours = samples.width, samples.height, samples.colours
    if 0 <= x < width and 0 <= y < height:
        return samples.at(x, y)
    if not outside:
        return samples.at(math.fmod(x, width) % width, math.fmod(y, height) % height)
    opaque = bytes([0 if outside == 1 else 255] * (samples.bpp - colours))
    return bytes([255 if outside == 3 else 0] * colours) + opaque
