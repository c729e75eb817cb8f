"""Single pixels, colour maps and what a few old filters did pixel by pixel. Samples are 8 bit."""

from __future__ import annotations

from typing import Any

from gi.repository import Gegl, Gimp

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


def semi_flatten(drawable: Any, rgb: colour.RGB) -> None:
    """Put `rgb` behind pixels that are neither clear nor opaque."""
    behind = list(rgb)[:3]

    def change(data: bytearray, bpp: int) -> None:
        if bpp not in (2, 4):
            return
        for start in range(0, len(data), bpp):
            alpha = data[start + bpp - 1]
            if 0 < alpha < 255:
                for place in range(bpp - 1):
                    data[start + place] = (data[start + place] * alpha + behind[place] * (255 - alpha)) // 255
                data[start + bpp - 1] = 255

    _through_shadow(drawable, change)


def rectangle(drawable: Gimp.Drawable) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
