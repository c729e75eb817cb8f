"""The Gaussian blur within GIMP 2's filters on bytes: recursive where it is narrow, else GEGL's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from gi.repository import Gegl

from . import gegl


def byte(value: float) -> int:
    """Cut a fraction off and what lies outside of 0..255."""
    return min(255, max(0, int(value)))


def blurred(plane: bytes, width: int, horizontal: float, vertical: float) -> bytes:
    """Return a plane after a Gaussian blur, edges continued, fractions cut off.

    plane: 8 bit, row by row. horizontal, vertical: standard deviations in pixels; narrow ones (below
    `_NARROW`) in one direction only.
    """
    height = len(plane) // width
    if 0 < max(horizontal, vertical) < _NARROW:
        smooth = _narrow_blur(max(horizontal, vertical))
        if not vertical:
            return b"".join(smooth(plane[start : start + width]) for start in range(0, len(plane), width))
        columns = [smooth(plane[x::width]) for x in range(width)]
        return bytes(value for row in zip(*columns, strict=True) for value in row)
    Gegl.init(None)
    area = Gegl.Rectangle.new(0, 0, width, height)
    source, target = (Gegl.Buffer.new("Y float", 0, 0, width, height) for _ in "st")
    source.set(area, "Y u8", plane)
    properties = {"std-dev-x": horizontal, "std-dev-y": vertical, "abyss-policy": 1}
    gegl.process(gegl.Operation("gegl:gaussian-blur", properties), source, target, (0, 0, width, height))
    found = memoryview(target.get(area, 1.0, "Y float", Gegl.AbyssPolicy.NONE)).cast("f")
    return bytes(byte(value * 255.0) for value in found)


Taps = tuple[float, ...]  # five
_NARROW = 3.0  # standard deviation up to which the recursive filter itself is run, not a true Gaussian


def _narrow_blur(deviation: float) -> Callable[[bytes], bytes]:
    """Deriche's recursive filter of the fourth order, which GIMP 2 used for narrow blurs, too."""
    forth, fed = _deriche(deviation)
    back = (0.0, *(one - part * forth[0] for one, part in zip(forth[1:], fed[1:], strict=True)))

    def smooth(line: bytes) -> bytes:
        ahead = _recursive(line, line[0], forth, fed)
        behind = _recursive(reversed(line), line[-1], back, fed)
        return bytes(byte(a + b) for a, b in zip(ahead, reversed(behind), strict=True))

    return smooth


def _recursive(line: Iterable[int], start: int, taps: Taps, fed: Taps) -> list[float]:
    """Filter a line: taps weigh its last five values, fed the last four results."""
    (n0, n1, n2, n3, n4), (_, d1, d2, d3, d4) = taps, fed
    x1 = x2 = x3 = x4 = start
    y1 = y2 = y3 = y4 = start * sum(taps) / (1 + sum(fed))
    made = []
    for x0 in line:
        y0 = n0 * x0 + n1 * x1 + n2 * x2 + n3 * x3 + n4 * x4 - d1 * y1 - d2 * y2 - d3 * y3 - d4 * y4
        x4, x3, x2, x1 = x3, x2, x1, x0
        y4, y3, y2, y1 = y3, y2, y1, y0
        made.append(y0)
    return made


def _deriche(deviation: float) -> tuple[Taps, Taps]:
    """Return what weighs a line's values, and its results, in a blur with this deviation.

    The constants are those of ``plug-ins/common/photocopy.c``: two damped waves fitted to the bell.
    """
    scale = math.sqrt(2 * math.pi) * deviation
    a0, a1, c0, c1 = 1.6803 / scale, 3.735 / scale, -0.6803 / scale, -0.2598 / scale
    e0, e1 = math.exp(-1.783 / deviation), math.exp(-1.723 / deviation)
    (cos0, sin0), (cos1, sin1) = (
        (math.cos(turn / deviation), math.sin(turn / deviation)) for turn in (0.6318, 1.997)
    )
    taps = (
        a0 + c0,
        e1 * (c1 * sin1 - (c0 + 2 * a0) * cos1) + e0 * (a1 * sin0 - (2 * c0 + a0) * cos0),
        2 * e0 * e1 * ((a0 + c0) * cos1 * cos0 - a1 * cos1 * sin0 - c1 * cos0 * sin1)
        + c0 * e0 * e0
        + a0 * e1 * e1,
        e1 * e0 * e0 * (c1 * sin1 - c0 * cos1) + e0 * e1 * e1 * (a1 * sin0 - a0 * cos0),
        0.0,
    )
    d1 = -2 * e1 * cos1 - 2 * e0 * cos0
    d2 = 4 * cos1 * cos0 * e0 * e1 + e1 * e1 + e0 * e0
    d3 = -2 * cos0 * e0 * e1 * e1 - 2 * cos1 * e1 * e0 * e0
    return taps, (0.0, d1, d2, d3, (e0 * e1) ** 2)


def blurred_both_ways(plane: bytes, width: int, radius: float) -> bytes:
    """Return a plane blurred down, then across, with `standard_deviation` of the radius."""
    deviation = standard_deviation(radius)
    return blurred(blurred(plane, width, 0.0, deviation), width, deviation, 0.0)


def standard_deviation(radius: float) -> float:
    """Return that of the bell that falls to 1/255 at a radius and a pixel more."""
    grown = abs(float(radius)) + 1.0
    return math.sqrt(-(grown * grown) / (2 * math.log(1.0 / 255.0)))
