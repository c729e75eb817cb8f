"""Draws on a GdkPixbuf of the screen's own pixels: parts of pictures, the divider, frames."""

from __future__ import annotations

from typing import Any

from gi.repository import GdkPixbuf, Gegl, Gimp, GLib

from .viewport import Rect

BACKDROP, LINE, EDGE = 0x6E6E6EFF, 0xFFFFFFFF, 0x202020FF
FORMAT = "R'G'B' u8"


def of_rows(data: bytes, width: int, height: int) -> GdkPixbuf.Pixbuf:
    """Make an image of rows of three bytes a pixel."""
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, False, 8, width, height, 3 * width
    )


def grey(data: bytes) -> bytes:
    """Return a byte a pixel as three."""
    colours = bytearray(3 * len(data))
    for channel in range(3):
        colours[channel::3] = data
    return bytes(colours)


def converted(transform: Gimp.ColorTransform, data: bytes, width: int, height: int) -> bytes:
    """Return rows in another profile's colours."""
    rectangle = Gegl.Rectangle.new(0, 0, width, height)
    source, target = (Gegl.Buffer.new(FORMAT, 0, 0, width, height) for _side in range(2))
    source.set(rectangle, FORMAT, data)
    transform.process_buffer(source, rectangle, target, rectangle)
    return bytes(target.get(rectangle, 1.0, FORMAT, Gegl.AbyssPolicy.NONE))


def blank(width: int, height: int) -> GdkPixbuf.Pixbuf:
    """Make an empty canvas."""
    made = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, width, height)
    made.fill(BACKDROP)
    return made


def on_backdrop(image: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """Return an image without its transparency."""
    size, nearest = (image.get_width(), image.get_height()), GdkPixbuf.InterpType.NEAREST
    shade = BACKDROP >> 8
    return image.composite_color_simple(*size, nearest, 255, 8, shade, shade)


def paint(canvas: Any, image: GdkPixbuf.Pixbuf, place: tuple[float, float, float, float], clip: Rect) -> None:
    """Draw an image at a place (x, y, width, height), within `clip`."""
    x, y, across, down = place
    x0, y0 = max(clip[0], round(x)), max(clip[1], round(y))
    x1, y1 = min(clip[0] + clip[2], round(x + across)), min(clip[1] + clip[3], round(y + down))
    if x1 <= x0 or y1 <= y0:
        return
    own = image.get_width(), image.get_height()
    if abs(round(across) - own[0]) <= 1 and abs(round(down) - own[1]) <= 1:
        from_x, from_y = x0 - round(x), y0 - round(y)
        wide, high = min(x1 - x0, own[0] - from_x), min(y1 - y0, own[1] - from_y)
        if wide > 0 and high > 0:
            image.copy_area(from_x, from_y, wide, high, canvas, x0, y0)
        return
    scale = (across / own[0], down / own[1])
    sharp = GdkPixbuf.InterpType.NEAREST if scale[0] >= 2 else GdkPixbuf.InterpType.BILINEAR
    image.scale(canvas, x0, y0, x1 - x0, y1 - y0, x, y, *scale, sharp)


def divider(canvas: Any, split: int, scale: int) -> None:
    """Draw a line from top to bottom, with a knob that says it can be dragged."""
    height = canvas.get_height()
    _fill(canvas, split - 2 * scale, 0, 3 * scale, height, EDGE)
    _fill(canvas, split - scale, 0, scale, height, LINE)
    _fill(canvas, split - 6 * scale, height // 2 - 16 * scale, 11 * scale, 32 * scale, EDGE)
    _fill(canvas, split - 5 * scale, height // 2 - 15 * scale, 9 * scale, 30 * scale, LINE)


def frame(canvas: Any, x: int, y: int, width: int, height: int, line: int, colour: int) -> None:
    """Draw a frame whose sides are `line` wide."""
    for top in (y, y + height - line):
        _fill(canvas, x, top, width, line, colour)
    for left in (x, x + width - line):
        _fill(canvas, left, y, line, height, colour)


def _fill(canvas: Any, x: int, y: int, width: int, height: int, colour: int) -> None:
    """Fill a rectangle, as far as it lies on the canvas."""
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(canvas.get_width(), x + width), min(canvas.get_height(), y + height)
    if x1 > x0 and y1 > y0:
        canvas.new_subpixbuf(x0, y0, x1 - x0, y1 - y0).fill(colour)
