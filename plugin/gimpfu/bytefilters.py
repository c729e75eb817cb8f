"""GIMP 2's filters that were programs of their own there and counted in bytes.

GEGL's operations of these names are other algorithms or other units. Here is what GIMP
2.10.34's ``plug-ins/common/*.c`` computed, on the selected rectangle's 8-bit colours; alpha
stays. Measured against that GIMP: see README.md, "Filters".
"""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import add
from typing import Any

from . import colour, region
from .fractal_trace import fractal_trace
from .gaussian_blur import blurred, blurred_both_ways, byte, standard_deviation
from .region import PixelRgn, Rectangle
from .signature import shown

Planes = list[bytes]  # one for each colour, row by row, 8 bit


@dataclass
class Picture:
    """The selected rectangle's colours; alpha: its opacity, None where there is none."""

    planes: Planes
    alpha: bytes | None
    width: int


def _on_colours(change: Callable[..., Iterable[bytes]]) -> Callable[..., None]:
    """Return the procedure that replaces the selected rectangle's colours by what `change` makes of them."""

    def run(image: Any, drawable: Any, *args: Any) -> None:
        def make(source: PixelRgn, rectangle: Rectangle) -> bytes:
            data, step = bytearray(source.read(rectangle)), source.bpp
            colours = step - 1 if drawable.has_alpha() else step
            alpha = bytes(data[colours::step]) if colours < step else None
            picture = Picture([bytes(data[place::step]) for place in range(colours)], alpha, rectangle[2])
            for place, plane in enumerate(change(picture, *args)):
                data[place::step] = plane
            return bytes(data)

        region.replace_selected(drawable, make)

    return shown(run, ["image", "drawable", *list(inspect.signature(change).parameters)[1:]], "None")


def _lightness(planes: Planes) -> bytes:
    """Return HSL's lightness."""
    if len(planes) == 1:
        return planes[0]
    highest, lowest = map(max, *planes), map(min, *planes)
    return bytes((high + low + 1) // 2 for high, low in zip(highest, lowest, strict=True))


def emboss(picture: Picture, azimuth: float, elevation: float, depth: int, kind: int) -> Iterable[bytes]:
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
        return 0 if light < 0 else byte(light / math.sqrt(nx * nx + ny * ny + steep * steep))

    shades = bytes(shade(nx, ny) for nx, ny in _slopes(picture))
    if kind:
        return [shades] * len(picture.planes)
    return [bytes(a * b >> 8 for a, b in zip(plane, shades, strict=True)) for plane in picture.planes]


def _slopes(picture: Picture) -> Iterator[tuple[int, int]]:
    """Yield how the brightness falls across and grows down at each pixel, by its eight neighbours."""
    width = picture.width
    heights: list[float] = [float(total) for total in map(sum, zip(*picture.planes, strict=True))]
    if picture.alpha is not None:
        heights = [value * part / 255.0 for value, part in zip(heights, picture.alpha, strict=True)]
    rows = [heights[start : start + width] for start in range(0, len(heights), width)]
    for above, here, below in zip([rows[0], *rows], rows, [*rows[1:], rows[-1]], strict=False):
        columns = _edges_twice(list(map(sum, zip(above, here, below, strict=True))))
        falls = _edges_twice([lower - upper for lower, upper in zip(below, above, strict=True)])
        for x in range(width):
            yield int(columns[x] - columns[x + 2]), int(falls[x] + falls[x + 1] + falls[x + 2])


def _edges_twice(line: list[float]) -> list[float]:
    return [line[0], *line, line[-1]]


def softglow(picture: Picture, radius: float, brightness: float, sharpness: float) -> Iterable[bytes]:
    """Screen a blurred sigmoid of the lightness over the colours."""
    steep = 2 + float(sharpness) * 20
    sigmoid = (255.0 / (1 + math.exp(-steep * (value / 255.0 - 0.5))) for value in range(256))
    curve = bytes(byte(one * float(brightness)) for one in sigmoid)
    screened = [bytes(255 - _product(255 - a, 255 - b) for a in range(256)) for b in range(256)]
    glow = blurred_both_ways(_lightness(picture.planes).translate(curve), picture.width, radius)
    return [bytes(screened[b][a] for a, b in zip(plane, glow, strict=True)) for plane in picture.planes]


def _product(a: int, b: int) -> int:
    scaled = a * b + 128
    return ((scaled >> 8) + scaled) >> 8


Pairs = Counter[tuple[int, int]]  # a pixel's lightness and that of its surroundings
Tone = Callable[[int, int], int]


def _toned(near: bytes, wide: bytes, choose: Callable[[Pairs], Tone]) -> bytes:
    """Return the lightness that a tone, chosen by how often which pairs come, makes of each pair."""
    pairs = list(zip(near, wide, strict=True))
    counted = Counter(pairs)
    tone = choose(counted)
    tones = {pair: byte(tone(*pair)) for pair in counted}
    return bytes(map(tones.__getitem__, pairs))


def _quantile(counts: dict[int, int], part: float, otherwise: float, steps: float) -> float:
    """Return the place, in 1/steps, at which more than `part` of what was counted is passed."""
    total, seen = sum(counts.values()), 0
    for place in sorted(counts):
        seen += counts[place]
        if seen / total > part:
            return place / steps
    return otherwise


def _relative(pairs: Pairs, low: float, high: float, steps: int) -> dict[int, int]:
    """Histogram of how bright pixels are beside their surroundings, from low to below high."""
    found: Counter[int] = Counter()
    for (near, wide), count in pairs.items():
        if wide and low <= near / wide < high:
            found[int(near / wide * steps)] += count
    return found


def _left_of(ramp: float, apart: float) -> float:
    """Return the share of a ramp that is left so far from its beginning."""
    return (ramp - min(ramp, apart)) / ramp if ramp else 0.0


def photocopy(
    picture: Picture, radius: float, sharpness: float, black: float, white: float
) -> Iterable[bytes]:
    """Darken what is darker than its surroundings, and make the rest white."""
    plane, width = _lightness(picture.planes), picture.width
    near = blurred_both_ways(plane, width, max(1.0, 10 * (1.0 - float(sharpness))))
    wide = blurred_both_ways(plane, width, radius)
    return [_toned(near, wide, partial(_photocopied, black, white))] * len(picture.planes)


def _photocopied(black: float, white: float, counted: Pairs) -> Tone:
    limit = 0.75
    under, over = _relative(counted, 0.0, limit, 1000), _relative(counted, limit, 2.0, 1000)
    down = limit - _quantile(under, black, limit, 1000) if black and under else 1.0
    up = _quantile(over, 1.0 - white, 1.0 + limit, 1000) - limit if white != 1.0 and over else 0.0

    def tone(value: int, wide: int) -> int:
        if wide <= 2:
            return 0
        apart = value / wide - limit
        if apart < 0:
            return int(value * _left_of(down, -apart))
        return int(255 - (1.0 - (min(up, apart) / up if up else 1.0)) * (255 - value))

    return tone


def cartoon(picture: Picture, radius: float, black: float) -> Iterable[bytes]:
    """Darken what is darker than its surroundings, keeping hue and saturation."""
    near, wide = (_blurred_lightness(picture, one) for one in (1.0, float(radius)))
    lightness = _toned(near, wide, partial(_drawn, black))
    if len(picture.planes) == 1:
        return [lightness]
    pixels = zip(*picture.planes, lightness, strict=True)
    made = bytes(value for pixel in pixels for value in _with_lightness(*pixel))
    return [made[place::3] for place in range(3)]


def _drawn(black: float, counted: Pairs) -> Tone:
    under = _relative(counted, 0.0, 1.0, 100)
    ramp = 1.0 - _quantile(under, black, 1.0, 100) if black and under else 1.0

    def tone(value: int, around: int) -> int:
        if not around or value >= around:
            return value
        return int(value * _left_of(ramp, 1.0 - value / around))

    return tone


def _blurred_lightness(picture: Picture, radius: float) -> bytes:
    deviation, width = standard_deviation(radius), picture.width
    upright = [blurred(plane, width, 0.0, deviation) for plane in picture.planes]
    return blurred(_lightness(upright), width, deviation, 0.0)


def _with_lightness(r: int, g: int, b: int, light: int) -> tuple[int, int, int]:
    """Return a colour with another HSL lightness; hue and saturation become whole numbers up to 255."""
    high, low = max(r, g, b), min(r, g, b)
    apart, total = high - low, high + low
    saturation = round(255 * apart / (total if total < 256 else 511 - total)) if apart else 0
    if not saturation:
        return light, light, light
    parts = ((g - b) / apart, 2 + (b - r) / apart, 4 + (r - g) / apart)
    turn = round(parts[(r, g, b).index(high)] * 42.5 % 255)
    top = (light + saturation - light * saturation / 255) / 255
    if light < 128:
        top = light * (255 + saturation) / 65025
    bottom = light / 127.5 - top
    return _hue_part(top, bottom, turn + 85), _hue_part(top, bottom, turn), _hue_part(top, bottom, turn - 85)


def _hue_part(top: float, bottom: float, place: float) -> int:
    """Return red, green or blue between `bottom` and `top`, at its place on the hue's circle of 255."""
    place %= 255
    near = place if place < 42.5 else max(0, 170 - place)
    value = top if 42.5 <= place < 127.5 else bottom + (top - bottom) * near / 42.5
    return min(255, max(0, round(value * 255)))


def color_enhance(picture: Picture) -> Iterable[bytes]:
    """Stretch the pure colour (the largest part less the smallest) to the whole range."""
    planes, alpha = picture.planes, picture.alpha
    if len(planes) == 1:
        return planes
    high = bytes(map(max, *planes))
    pure = bytes(a - b for a, b in zip(high, map(min, *planes), strict=True))
    counted = {one for n, one in enumerate(pure) if alpha is None or alpha[n]} or {0}
    low, top = min(counted), max(counted)
    if low == top:
        return planes
    grown = [max(0.0, (one - low) * 255 / (top - low)) / one if one else 0.0 for one in range(256)]

    def stretched(plane: bytes) -> bytes:
        pixels = zip(plane, high, pure, strict=True)
        return bytes(byte(whole - round((whole - value) * grown[own])) for value, whole, own in pixels)

    return map(stretched, planes)


def colorify(picture: Picture, color: Any) -> Iterable[bytes]:
    """Multiply a colour by each pixel's luminance."""
    if len(picture.planes) == 1:
        return picture.planes
    rgb = colour.parse(color)
    weights = (colour.RGB_LUMINANCE_RED, colour.RGB_LUMINANCE_GREEN, colour.RGB_LUMINANCE_BLUE)
    shares = [bytes(int(value * weight) for value in range(256)) for weight in weights]
    parts = [plane.translate(share) for plane, share in zip(picture.planes, shares, strict=True)]
    luminance = bytes(map(add, map(add, parts[0], parts[1]), parts[2]))
    tones = [bytes(min(255, int(value * part)) for value in range(256)) for part in (rgb.r, rgb.g, rgb.b)]
    return [luminance.translate(tone) for tone in tones]


CALLS: dict[str, Callable[..., Any]] = {
    "plug-in-emboss": _on_colours(emboss),
    "plug-in-softglow": _on_colours(softglow),
    "plug-in-photocopy": _on_colours(photocopy),
    "plug-in-cartoon": _on_colours(cartoon),
    "plug-in-color-enhance": _on_colours(color_enhance),
    "plug-in-colorify": _on_colours(colorify),
    "plug-in-fractal-trace": fractal_trace,
}
