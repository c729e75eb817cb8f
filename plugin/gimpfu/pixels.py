"""Single pixels, colour maps and what a few old filters did pixel by pixel. Samples are 8 bit."""

from __future__ import annotations

from typing import Any

from . import colour, region
from .errors import error
from .region import PixelRgn


def get(drawable: Any, x: int, y: int) -> tuple[int, ...]:
    """Return the samples of one pixel as numbers 0..255."""
    return tuple(bytes(PixelRgn(drawable)[x, y]))


def put(drawable: Any, x: int, y: int, pixel: Any) -> None:
    """Write one pixel: numbers 0..255, bytes or text; a missing or surplus alpha is seen to."""
    area = PixelRgn(drawable)
    raw = region.to_samples(pixel)
    if len(raw) == area.bpp - 1:
        raw += b"\xff"
    area[x, y] = raw[: area.bpp]


def colormap(image: Any) -> bytes:
    """Return the colours of an indexed image, three bytes each."""
    palette = image.get_palette()
    if palette is None:
        return b""
    parts: list[int] = []
    for native in palette.get_colors():
        parts += list(colour.from_gegl(native))[:3]
    return bytes(parts)


def set_colormap(image: Any, data: Any) -> None:
    """Replace the colours of an indexed image. Raises `error` for another kind of image."""
    palette = image.get_palette()
    if palette is None:
        raise error("The image has no colour map: it is not indexed.")
    raw = region.to_samples(data)
    count = len(raw) // 3
    while palette.get_color_count() > count:
        palette.delete_entry(palette.get_color_count() - 1)
    for number in range(count):
        native = colour.to_gegl(tuple(part / 255 for part in raw[3 * number : 3 * number + 3]))
        if number < palette.get_color_count():
            palette.set_entry_color(number, native)
        else:
            palette.add_entry("", native)


def _through_shadow(drawable: Any, change: Any) -> None:
    """Give the selected part's samples to `change`, a bytearray to be altered in place."""
    inside, x, y, width, height = drawable.mask_intersect()
    if not inside:
        return
    region.flush()
    source = PixelRgn(drawable, 0, 0, drawable.get_width(), drawable.get_height(), False, False)
    target = PixelRgn(drawable, 0, 0, drawable.get_width(), drawable.get_height(), True, True)
    data = bytearray(bytes(source[x : x + width, y : y + height]))
    change(data, source.bpp)
    target[x : x + width, y : y + height] = bytes(data)
    region.flush()
    drawable.merge_shadow(True)
    drawable.update(x, y, width, height)


def keep_extreme(drawable: Any, largest: bool) -> None:
    """Keep each pixel's largest (or smallest) colour and make the others 0."""
    choose = max if largest else min

    def change(data: bytearray, bpp: int) -> None:
        for start in range(0, len(data), bpp):
            kept = choose(data[start : start + 3])
            for place in range(start, start + 3):
                if data[place] != kept:
                    data[place] = 0

    _through_shadow(drawable, change)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _stored(value: float) -> int:
    curved = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return min(255, max(0, round(255 * curved)))


def semi_flatten(drawable: Any, rgb: colour.RGB) -> None:
    """Put `rgb` behind pixels that are neither clear nor opaque.

    As GIMP 2.10 did: mixed in linear light, with the colour's stored values taken for linear ones.
    """
    behind = (rgb.r, rgb.g, rgb.b)
    table = [_linear(value / 255) for value in range(256)]

    def change(data: bytearray, bpp: int) -> None:
        if bpp not in (2, 4):
            return
        for start in range(0, len(data), bpp):
            alpha = data[start + bpp - 1] / 255
            if 0 < alpha < 1:
                for place in range(bpp - 1):
                    mixed = table[data[start + place]] * alpha + behind[place] * (1 - alpha)
                    data[start + place] = _stored(mixed)
                data[start + bpp - 1] = 255

    _through_shadow(drawable, change)
