"""GIMP 2's filters that were programs of their own there and counted in bytes.

GEGL's operations of these names are other algorithms or other units. Here is what GIMP
2.10.34's ``plug-ins/common/*.c`` computed, on the selected rectangle's 8-bit colours; alpha
stays. Measured against that GIMP: see README.md, "Filters".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from operator import add
from typing import Any

from gi.repository import Gegl

from . import colour, gegl, region
from .region import PixelRgn

Planes = list[bytes]  # one for each colour, row by row, 8 bit


def _on_colours(drawable: Any, change: Callable[[Planes, bytes | None, int], Iterable[bytes]]) -> None:
    """Replace the selected rectangle's colours by what `change` makes of (colours, alpha, width)."""
    inside, x, y, width, height = drawable.mask_intersect()
    if not inside:
        return
    region.flush()
    size = (0, 0, drawable.get_width(), drawable.get_height())
    source, target = PixelRgn(drawable, *size, False, False), PixelRgn(drawable, *size, True, True)
    data = bytearray(bytes(source[x : x + width, y : y + height]))
    step = source.bpp
    colours = step - 1 if drawable.has_alpha() else step
    alpha = bytes(data[colours::step]) if colours < step else None
    changed = change([bytes(data[place::step]) for place in range(colours)], alpha, width)
    for place, plane in enumerate(changed):
        data[place::step] = plane
    target[x : x + width, y : y + height] = bytes(data)
    region.flush()
    drawable.merge_shadow(True)
    drawable.update(x, y, width, height)


def _lightness(planes: Planes) -> bytes:
    """Return HSL's lightness."""
    if len(planes) == 1:
        return planes[0]
    return bytes(
        (high + low + 1) // 2 for high, low in zip(map(max, *planes), map(min, *planes), strict=True)
    )


def _blurred(plane: bytes, width: int, horizontal: float, vertical: float) -> bytes:
    """Return a plane after a Gaussian blur with these deviations, edges continued, fractions cut off."""
    height = len(plane) // width
    if 0 < max(horizontal, vertical) < _NARROW:
        lines = [plane[x::width] for x in range(width)] if vertical else _rows(plane, width)
        smooth = _narrow_blur(max(horizontal, vertical))
        made = [smooth(line) for line in lines]
        return (
            bytes(value for row in zip(*made, strict=True) for value in row) if vertical else b"".join(made)
        )
    Gegl.init(None)
    area = Gegl.Rectangle.new(0, 0, width, height)
    source, target = (Gegl.Buffer.new("Y float", 0, 0, width, height) for _ in "st")
    source.set(area, "Y u8", plane)
    properties = {"std-dev-x": horizontal, "std-dev-y": vertical, "abyss-policy": 1}
    gegl.process(gegl.Operation("gegl:gaussian-blur", properties), source, target, (0, 0, width, height))
    found = memoryview(target.get(area, 1.0, "Y float", Gegl.AbyssPolicy.NONE)).cast("f")
    return bytes(min(255, max(0, int(value * 255.0))) for value in found)


_NARROW = 3.0  # standard deviation up to which the recursive filter itself is run, not a true Gaussian


def _rows(plane: bytes, width: int) -> list[bytes]:
    return [plane[start : start + width] for start in range(0, len(plane), width)]


def _narrow_blur(deviation: float) -> Callable[[bytes], bytes]:
    """Deriche's recursive filter of the fourth order, which GIMP 2 used for narrow blurs, too.

    Its constants are those of ``plug-ins/common/photocopy.c``: two damped waves fitted to the bell.
    """
    decay = (-1.783 / deviation, -1.723 / deviation)
    turns = (0.6318 / deviation, 1.997 / deviation)
    scale = math.sqrt(2 * math.pi) * deviation
    a0, a1, c0, c1 = 1.6803 / scale, 3.735 / scale, -0.6803 / scale, -0.2598 / scale
    e0, e1 = map(math.exp, decay)
    (cos0, sin0), (cos1, sin1) = ((math.cos(turn), math.sin(turn)) for turn in turns)
    forth = (
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
    d4 = (e0 * e1) ** 2
    fed = (0.0, d1, d2, d3, d4)
    back = (0.0, *(one - part * forth[0] for one, part in zip(forth[1:], fed[1:], strict=True)))

    def recursive(line: Iterable[int], start: int, taps: tuple[float, ...]) -> list[float]:
        n0, n1, n2, n3, n4 = taps
        x1 = x2 = x3 = x4 = start
        y1 = y2 = y3 = y4 = start * sum(taps) / (1 + sum(fed))
        made = []
        for x0 in line:
            y0 = n0 * x0 + n1 * x1 + n2 * x2 + n3 * x3 + n4 * x4 - d1 * y1 - d2 * y2 - d3 * y3 - d4 * y4
            x4, x3, x2, x1 = x3, x2, x1, x0
            y4, y3, y2, y1 = y3, y2, y1, y0
            made.append(y0)
        return made

    def smooth(line: bytes) -> bytes:
        ahead = recursive(line, line[0], forth)
        behind = recursive(reversed(line), line[-1], back)
        return bytes(min(255, max(0, int(a + b))) for a, b in zip(ahead, reversed(behind), strict=True))

    return smooth


def _both_ways(plane: bytes, width: int, radius: float) -> bytes:
    deviation = standard_deviation(radius)
    return _blurred(_blurred(plane, width, 0.0, deviation), width, deviation, 0.0)


def standard_deviation(radius: float) -> float:
    """Return that of the bell that falls to 1/255 at a radius and a pixel more."""
    grown = abs(float(radius)) + 1.0
    return math.sqrt(-(grown * grown) / (2 * math.log(1.0 / 255.0)))


def emboss(image: Any, drawable: Any, azimuth: float, elevation: float, depth: int, kind: int) -> None:
    """Shade by the slope of the brightness; kind 0 multiplies the colours by the shade.

    Schlag, "Fast Embossing Effects on Raster Image Data", Graphics Gems IV.
    """
    around, up = math.radians(azimuth), math.radians(elevation)
    across, down = (255.9 * turn(around) * math.cos(up) for turn in (math.cos, math.sin))
    flat = 255.9 * math.sin(up)
    steep = (6 * 255) // max(1, int(depth))

    def shade(nx: int, ny: int) -> int:
        if not nx and not ny:
            return int(flat)
        light = nx * across + ny * down + steep * flat
        return 0 if light < 0 else min(255, int(light / math.sqrt(nx * nx + ny * ny + steep * steep)))

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        heights: list[float] = [float(total) for total in map(sum, zip(*planes, strict=True))]
        if alpha is not None:
            heights = [value * part / 255.0 for value, part in zip(heights, alpha, strict=True)]
        rows = [heights[start : start + width] for start in range(0, len(heights), width)]
        shades = bytearray()
        for number in range(len(rows)):
            above, here, below = (rows[min(max(number + step, 0), len(rows) - 1)] for step in (-1, 0, 1))
            columns = list(map(sum, zip(above, here, below, strict=True)))
            slopes = [lower - upper for lower, upper in zip(below, above, strict=True)]
            columns = [columns[0], *columns, columns[-1]]
            slopes = [slopes[0], *slopes, slopes[-1]]
            shades += bytes(
                shade(int(columns[x] - columns[x + 2]), int(slopes[x] + slopes[x + 1] + slopes[x + 2]))
                for x in range(width)
            )
        if kind:
            return [bytes(shades)] * len(planes)
        return [bytes(a * b >> 8 for a, b in zip(plane, shades, strict=True)) for plane in planes]

    _on_colours(drawable, change)


def softglow(image: Any, drawable: Any, radius: float, brightness: float, sharpness: float) -> None:
    """Screen a blurred sigmoid of the lightness over the colours."""
    steep = 2 + float(sharpness) * 20
    curve = bytes(
        min(255, max(0, int(255.0 / (1 + math.exp(-steep * (value / 255.0 - 0.5))) * float(brightness))))
        for value in range(256)
    )
    screened = [bytes(255 - _product(255 - a, 255 - b) for a in range(256)) for b in range(256)]

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        glow = _both_ways(_lightness(planes).translate(curve), width, radius)
        return [bytes(screened[b][a] for a, b in zip(plane, glow, strict=True)) for plane in planes]

    _on_colours(drawable, change)


def _product(a: int, b: int) -> int:
    scaled = a * b + 128
    return ((scaled >> 8) + scaled) >> 8


def _quantile(counts: dict[int, int], part: float, otherwise: float, steps: float) -> float:
    """Return the place, in 1/steps, at which more than `part` of what was counted is passed."""
    total, seen = sum(counts.values()), 0
    for place in sorted(counts):
        seen += counts[place]
        if seen / total > part:
            return place / steps
    return otherwise


def _relative(pairs: Counter[tuple[int, int]], low: float, high: float, steps: int) -> dict[int, int]:
    """Histogram of how bright pixels are beside their surroundings, from low to below high."""
    found: Counter[int] = Counter()
    for (near, wide), count in pairs.items():
        if wide and low <= near / wide < high:
            found[int(near / wide * steps)] += count
    return found


def photocopy(image: Any, drawable: Any, radius: float, sharpness: float, black: float, white: float) -> None:
    """Darken what is darker than its surroundings, and make the rest white."""
    limit = 0.75

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        plane = _lightness(planes)
        near = _both_ways(plane, width, max(1.0, 10 * (1.0 - float(sharpness))))
        pairs = list(zip(near, _both_ways(plane, width, radius), strict=True))
        counted = Counter(pairs)
        under = _relative(counted, 0.0, limit, 1000)
        over = _relative(counted, limit, 2.0, 1000)
        down = limit - _quantile(under, black, limit, 1000) if black and under else 1.0
        up = _quantile(over, 1.0 - white, 1.0 + limit, 1000) - limit if white != 1.0 and over else 0.0

        def tone(value: int, wide: int) -> int:
            if wide <= 2:
                return 0
            apart = value / wide - limit
            if apart < 0:
                return int(value * ((down - min(down, -apart)) / down if down else 0.0))
            return int(255 - (1.0 - (min(up, apart) / up if up else 1.0)) * (255 - value))

        tones = {pair: min(255, max(0, tone(*pair))) for pair in counted}
        return [bytes(map(tones.__getitem__, pairs))] * len(planes)

    _on_colours(drawable, change)


def cartoon(image: Any, drawable: Any, radius: float, black: float) -> None:
    """Darken what is darker than its surroundings, keeping hue and saturation."""

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        near, wide = (_blurred_lightness(planes, width, one) for one in (1.0, float(radius)))
        pairs = list(zip(near, wide, strict=True))
        counted = Counter(pairs)
        under = _relative(counted, 0.0, 1.0, 100)
        ramp = 1.0 - _quantile(under, black, 1.0, 100) if black and under else 1.0

        def tone(value: int, around: int) -> int:
            if not around or value >= around:
                return value
            return int(value * ((ramp - min(ramp, 1.0 - value / around)) / ramp if ramp else 0.0))

        tones = {pair: tone(*pair) for pair in counted}
        lightness = bytes(map(tones.__getitem__, pairs))
        if len(planes) == 1:
            return [lightness]
        made = bytes(
            value
            for r, g, b, light in zip(*planes, lightness, strict=True)
            for value in _with_lightness(r, g, b, light)
        )
        return [made[place::3] for place in range(3)]

    _on_colours(drawable, change)


def _blurred_lightness(planes: Planes, width: int, radius: float) -> bytes:
    deviation = standard_deviation(radius)
    upright = [_blurred(plane, width, 0.0, deviation) for plane in planes]
    return _blurred(_lightness(upright), width, deviation, 0.0)


def _with_lightness(r: int, g: int, b: int, light: int) -> tuple[int, int, int]:
    """Return a colour with another HSL lightness; hue and saturation become whole numbers up to 255."""
    high, low = max(r, g, b), min(r, g, b)
    apart, total = high - low, high + low
    saturation = round(255 * apart / (total if total < 256 else 511 - total)) if apart else 0
    if not saturation:
        return light, light, light
    if r == high:
        hue = (g - b) / apart
    elif g == high:
        hue = 2 + (b - r) / apart
    else:
        hue = 4 + (r - g) / apart
    turn = round(hue * 42.5 % 255)
    top = (
        light * (255 + saturation) / 65025
        if light < 128
        else ((light + saturation - light * saturation / 255) / 255)
    )
    bottom = light / 127.5 - top

    def part(place: float) -> int:
        place %= 255
        if place < 42.5:
            value = bottom + (top - bottom) * place / 42.5
        elif place < 127.5:
            value = top
        else:
            value = bottom + (top - bottom) * (170 - place) / 42.5 if place < 170 else bottom
        return min(255, max(0, round(value * 255)))

    return part(turn + 85), part(turn), part(turn - 85)


def color_enhance(image: Any, drawable: Any) -> None:
    """Stretch the pure colour (the largest part less the smallest) to the whole range."""

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        if len(planes) == 1:
            return planes
        high = bytes(map(max, *planes))
        pure = bytes(a - b for a, b in zip(high, map(min, *planes), strict=True))
        counted = {one for n, one in enumerate(pure) if alpha is None or alpha[n]} or {0}
        low, top = min(counted), max(counted)
        if low == top:
            return planes
        grown = [max(0.0, (one - low) * 255 / (top - low)) / one if one else 0.0 for one in range(256)]
        return [
            bytes(
                min(255, max(0, whole - round((whole - value) * grown[own])))
                for value, whole, own in zip(plane, high, pure, strict=True)
            )
            for plane in planes
        ]

    _on_colours(drawable, change)


def colorify(image: Any, drawable: Any, color: Any) -> None:
    """Multiply a colour by each pixel's luminance."""
    rgb = colour.parse(color)
    weights = (colour.RGB_LUMINANCE_RED, colour.RGB_LUMINANCE_GREEN, colour.RGB_LUMINANCE_BLUE)
    shares = [bytes(int(value * weight) for value in range(256)) for weight in weights]
    tones = [bytes(min(255, int(value * part)) for value in range(256)) for part in (rgb.r, rgb.g, rgb.b)]

    def change(planes: Planes, alpha: bytes | None, width: int) -> Iterable[bytes]:
        if len(planes) == 1:
            return planes
        parts = [plane.translate(share) for plane, share in zip(planes, shares, strict=True)]
        luminance = bytes(map(add, map(add, parts[0], parts[1]), parts[2]))
        return [luminance.translate(tone) for tone in tones]

    _on_colours(drawable, change)


def fractal_trace(
    image: Any, drawable: Any, xmin: float, xmax: float, ymin: float, ymax: float, depth: int, outside: int
) -> None:
    """Map the picture through `depth` steps of the Mandelbrot set.

    outside: 0 wrapped, 1 clear, 2 black, 3 white.
    """
    inside, left, top, width, height = drawable.mask_intersect()
    if not inside:
        return
    region.flush()
    whole, high = drawable.get_width(), drawable.get_height()
    source = PixelRgn(drawable, 0, 0, whole, high, False, False)
    data, bpp = bytes(source[:, :]), source.bpp
    colours = bpp - 1 if drawable.has_alpha() else bpp
    blank = bytes([255 if outside == 3 else 0] * colours + [0 if outside == 1 else 255] * (bpp - colours))
    across, down = (xmax - xmin) / width, (ymax - ymin) / height

    def pixel(x: float, y: float) -> bytes:
        column, row = int(x), int(y)
        dx, dy = x - column, y - row
        second, third = min(column + 1, whole - 1), min(row + 1, high - 1)
        corners = [
            ((row * whole + column) * bpp, (1 - dx) * (1 - dy)),
            ((row * whole + second) * bpp, dx * (1 - dy)),
            ((third * whole + column) * bpp, (1 - dx) * dy),
            ((third * whole + second) * bpp, dx * dy),
        ]
        if colours < bpp:
            corners = [(at, part * data[at + colours] / 255) for at, part in corners]
        total = sum(part for _, part in corners) * 1.0001
        if total * 255 < 1:
            return bytes(bpp)
        made = [int(sum(data[at + n] * part for at, part in corners) / total) for n in range(colours)]
        return bytes([*made, *([int(min(1.0, total) * 255)] if colours < bpp else [])])

    made = bytearray()
    for row in range(height):
        for column in range(width):
            start = complex(xmin + column * across, ymin + row * down)
            point = start
            for _ in range(int(depth)):
                point = point * point + start
                if abs(point) > 1e9:
                    break
            x, y = (point.real - xmin) / across + left, (point.imag - ymin) / down + top
            if 0 <= x < whole and 0 <= y < high:
                made += pixel(x, y)
            else:
                made += blank if outside else pixel(math.fmod(x, whole) % whole, math.fmod(y, high) % high)
    target = PixelRgn(drawable, 0, 0, whole, high, True, True)
    target[left : left + width, top : top + height] = bytes(made)
    region.flush()
    drawable.merge_shadow(True)
    drawable.update(left, top, width, height)


CALLS: dict[str, Callable[..., Any]] = {
    "plug-in-emboss": emboss,
    "plug-in-softglow": softglow,
    "plug-in-photocopy": photocopy,
    "plug-in-cartoon": cartoon,
    "plug-in-color-enhance": color_enhance,
    "plug-in-colorify": colorify,
    "plug-in-fractal-trace": fractal_trace,
}
