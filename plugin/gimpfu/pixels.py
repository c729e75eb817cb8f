"""Single pixels, colour maps and what a few old filters did pixel by pixel. Samples are 8 bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from . import colour, region
from .errors import error
from .region import PixelRgn, Rectangle
from .scripts.byte_string import ByteString


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


def colormap(image: Any) -> ByteString:
    """Return the colours of an indexed image, three bytes each."""
    palette = image.get_palette()
    if palette is None:
        return ByteString()
    parts: list[int] = []
    for native in palette.get_colors():
        parts += list(colour.from_gegl(native))[:3]
    return ByteString(parts)


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


def _change_pixels(drawable: Any, change: Callable[[bytearray], bytes | bytearray]) -> None:
    """Replace each of the selected rectangle's pixels by what `change` makes of its samples."""

    def make(source: PixelRgn, rectangle: Rectangle) -> bytes:
        data, bpp = bytearray(source.read(rectangle)), source.bpp
        for start in range(0, len(data), bpp):
            data[start : start + bpp] = change(data[start : start + bpp])
        return bytes(data)

    region.replace_selected(drawable, make)


def max_rgb(image: Any, drawable: Any, keep_largest: int) -> None:
    """Keep each pixel's largest (or smallest) colour and make the others 0."""
    choose = max if keep_largest else min

    def change(pixel: bytearray) -> bytes:
        kept = choose(pixel[:3])
        return bytes(one if one == kept else 0 for one in pixel[:3]) + pixel[3:]

    _change_pixels(drawable, change)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _stored(value: float) -> int:
    curved = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return min(255, max(0, round(255 * curved)))


def semi_flatten(image: Any, drawable: Any) -> None:
    """Put the background colour behind pixels that are neither clear nor opaque.

    As GIMP 2.10 did: mixed in linear light, with the colour's stored values taken for linear ones.
    """
    rgb = colour.from_gegl(Gimp.context_get_background())
    behind = (rgb.r, rgb.g, rgb.b)
    table = [_linear(value / 255) for value in range(256)]

    def change(pixel: bytearray) -> bytearray:
        alpha = pixel[-1] / 255
        if len(pixel) in (2, 4) and 0 < alpha < 1:
            for place, own in enumerate(pixel[:-1]):
                pixel[place] = _stored(table[own] * alpha + behind[place] * (1 - alpha))
            pixel[-1] = 255
        return pixel

    _change_pixels(drawable, change)


CALLS: dict[str, Callable[..., Any]] = {"plug-in-max-rgb": max_rgb, "plug-in-semiflatten": semi_flatten}
