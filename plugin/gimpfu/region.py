"""Pixel regions: rectangles of a drawable as bytes, the way gimpfu's ``get_pixel_rgn`` gave them.

Samples are 8 bit, one to four a pixel, interleaved, in the colour space of the image; the
base type and the alpha channel are the drawable's own. Coordinates are the drawable's.

What is written goes to GIMP tile by tile, not pixel by pixel: `flush` sends the rest. Scripts
flush too late or never, so it also runs before anything else that looks at the drawable
(see `patches`), before every PDB call and at the end of a run. It has to: GEGL ends the
process over pixels that are left when their drawable is gone. A buffer keeps the tiles that
went through it, so after what may have changed pixels (`expect_changes`), and for a new region, it is opened
anew. The regions of a drawable share one, where each sees at once what another writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from gi.repository import Babl, Gegl, Gimp

from .errors import error
from .scripts.byte_string import ByteString, to_bytes

_FORMATS = {
    Gimp.ImageType.RGB_IMAGE: ("R'G'B' u8", 3),
    Gimp.ImageType.RGBA_IMAGE: ("R'G'B'A u8", 4),
    Gimp.ImageType.GRAY_IMAGE: ("Y' u8", 1),
    Gimp.ImageType.GRAYA_IMAGE: ("Y'A u8", 2),
}
Rectangle = tuple[int, int, int, int]  # x, y, width, height

_written: dict[int, PixelRgn] = {}
# By drawable, and whether it is the shadow: while a region holds them and nothing else changes pixels.
_buffers: WeakValueDictionary[tuple[int, bool], Any] = WeakValueDictionary()


def flush() -> None:
    """Send GIMP everything that regions have written."""
    while _written:
        _, written = _written.popitem()
        written.send()


def expect_changes() -> None:
    """Send GIMP everything, for what is called now may read and change pixels."""
    flush()
    _buffers.clear()


class PixelRgn:
    """``drawable.get_pixel_rgn(x, y, w, h, dirty, shadow)``: ``rgn[x, y]`` is a pixel,
    ``rgn[x1:x2, y1:y2]`` a rectangle, row by row; both can be read and assigned.

    With `shadow`, what is written waits for ``drawable.merge_shadow(True)``. Raises `error`
    when the drawable was deleted, IndexError outside of it, ValueError for bytes of the wrong
    length, TypeError for what is not bytes, a string of characters below 256 or a sequence of
    numbers below 256.
    """

    def __init__(
        self,
        drawable: Gimp.Drawable,
        x: int = 0,
        y: int = 0,
        width: int | None = None,
        height: int | None = None,
        dirty: bool = True,
        shadow: bool = False,
    ):
        self.drawable = drawable
        self.x, self.y = int(x), int(y)
        self.w = drawable.get_width() - self.x if width is None else int(width)
        self.h = drawable.get_height() - self.y if height is None else int(height)
        self.dirty, self.shadow = bool(dirty), bool(shadow)
        self._format, self.bpp = _format(drawable)
        self._number = drawable.get_id()
        flush()
        _buffers.pop((self._number, False), None)
        self._look_anew()

    def _look_anew(self) -> None:
        """Open the buffers again where what they keep may be out of date."""
        self._source = self._buffer(False)
        self._target = self._buffer(True) if self.shadow else self._source

    def _buffer(self, shadow: bool) -> Any:
        key = self._number, shadow
        buffer = _buffers.get(key)
        if buffer is None:
            if not self.drawable.is_valid():
                raise error("The region's drawable was deleted.")
            buffer = self.drawable.get_shadow_buffer() if shadow else self.drawable.get_buffer()
            _buffers[key] = buffer
        return buffer

    def resize(self, x: int, y: int, width: int, height: int) -> None:
        """Move the region."""
        self.x, self.y, self.w, self.h = int(x), int(y), int(width), int(height)

    @property
    def rowstride(self) -> int:
        """Return the bytes of a row."""
        return self.w * self.bpp

    def __getitem__(self, place: tuple[Any, Any]) -> ByteString:
        self._look_anew()
        rectangle, nbytes = self._rectangle(place)
        data = self._source.get(rectangle, 1.0, self._format, Gegl.AbyssPolicy.NONE)
        if len(data) != nbytes:
            raise IndexError("the rectangle could not be read")
        return ByteString(data)

    def __setitem__(self, place: tuple[Any, Any], data: Any) -> None:
        rectangle, nbytes = self._rectangle(place)
        raw = to_samples(data)
        if len(raw) != nbytes:  # GEGL itself would only print a warning
            raise ValueError(f"{nbytes} bytes belong there, not {len(raw)}")
        self._look_anew()
        self._target.set(rectangle, self._format, raw)
        _written[id(self)] = self

    def read(self, rectangle: Rectangle) -> bytes:
        """Return the samples of a rectangle."""
        x, y, width, height = rectangle
        return bytes(self[x : x + width, y : y + height])

    def send(self) -> None:
        """Send GIMP what was written here."""
        self._target.flush()

    def _rectangle(self, place: tuple[Any, Any]) -> tuple[Gegl.Rectangle, int]:
        x, width = _span(place[0], self.x, self.x + self.w)
        y, height = _span(place[1], self.y, self.y + self.h)
        return Gegl.Rectangle.new(x, y, width, height), width * height * self.bpp


class Tile:
    """``drawable.get_tile(shadow, row, column)``: a square of 64 pixels; ``tile[x, y]`` is one of them."""

    def __init__(self, drawable: Gimp.Drawable, shadow: Any, column: int, row: int):
        self.drawable, self.shadow, self.dirty = drawable, bool(shadow), False
        self.x, self.y = 64 * column, 64 * row
        self.tile_num = row * -(-drawable.get_width() // 64) + column
        self.ewidth = min(64, drawable.get_width() - self.x)
        self.eheight = min(64, drawable.get_height() - self.y)
        if self.ewidth < 1 or self.eheight < 1 or column < 0 or row < 0:
            raise IndexError(f"the drawable has no tile in row {row}, column {column}")
        self._region = PixelRgn(drawable, self.x, self.y, self.ewidth, self.eheight, True, self.shadow)
        self.bpp = self._region.bpp
        self.ref_count = 1

    def _place(self, place: Any) -> tuple[int, int]:
        across, down = place if isinstance(place, tuple) else (place % self.ewidth, place // self.ewidth)
        if not (0 <= across < self.ewidth and 0 <= down < self.eheight):
            raise IndexError(f"{place} is not in the tile")
        return self.x + int(across), self.y + int(down)

    def __len__(self) -> int:
        return int(self.ewidth * self.eheight)

    def __getitem__(self, place: Any) -> ByteString:
        return self._region[self._place(place)]

    def __setitem__(self, place: Any, pixel: Any) -> None:
        self.dirty = True
        self._region[self._place(place)] = pixel

    def flush(self) -> None:
        """Write what is pending, of all regions."""
        flush()


class PixelFetcher:
    """``gimp.PixelFetcher(drawable)``: single pixels, also beyond the edges by `edge_mode`."""

    EDGE_NONE, EDGE_WRAP, EDGE_SMEAR, EDGE_BLACK, EDGE_BACKGROUND = range(5)

    def __init__(self, drawable: Gimp.Drawable, shadow: bool = False):
        self._region = PixelRgn(drawable, 0, 0, drawable.get_width(), drawable.get_height(), True, shadow)
        self.edge_mode, self.bg_color, self.shadow = self.EDGE_NONE, None, shadow

    def get_pixel(self, x: int, y: int) -> ByteString:
        """Return the pixel's samples as bytes; beyond the edges by `edge_mode`."""
        width, height = self._region.w, self._region.h
        if not (0 <= x < width and 0 <= y < height):
            if self.edge_mode == self.EDGE_WRAP:
                x, y = x % width, y % height
            elif self.edge_mode == self.EDGE_SMEAR:
                x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
            elif self.edge_mode == self.EDGE_BACKGROUND and self.bg_color is not None:
                return ByteString(bytes(list(self.bg_color)[: self._region.bpp]))
            else:
                return ByteString(self._region.bpp)
        return self._region[int(x), int(y)]

    def put_pixel(self, x: int, y: int, pixel: Any) -> None:
        """Set the pixel's samples."""
        self._region[int(x), int(y)] = pixel

    def __getitem__(self, place: tuple[int, int]) -> ByteString:
        return self.get_pixel(*place)

    def __setitem__(self, place: tuple[int, int], pixel: Any) -> None:
        self.put_pixel(*place, pixel)


def replace_selected(drawable: Gimp.Drawable, make: Callable[[PixelRgn, Rectangle], bytes]) -> None:
    """Replace the selected rectangle's samples by what `make` makes of the whole drawable."""
    inside, x, y, width, height = drawable.mask_intersect()
    if not inside:
        return
    flush()
    whole = (0, 0, drawable.get_width(), drawable.get_height())
    source, target = PixelRgn(drawable, *whole, False, False), PixelRgn(drawable, *whole, True, True)
    target[x : x + width, y : y + height] = make(source, (x, y, width, height))
    flush()
    drawable.merge_shadow(True)
    drawable.update(x, y, width, height)


def to_samples(data: Any) -> bytes:
    """Return pixels as bytes. Raises TypeError for a number."""
    if hasattr(data, "__index__"):  # bytes() would make as many zeros of it
        raise TypeError(f"pixels are bytes, not the number {data!r}; one sample is bytes([{data!r}])")
    if isinstance(data, (str, bytes)):
        return to_bytes(data)
    if hasattr(data, "tobytes"):
        return bytes(data.tobytes())
    return bytes(ord(one) if isinstance(one, (str, bytes)) else int(one) for one in data)


def _span(part: Any, low: int, high: int) -> tuple[int, int]:
    """(start, length) of an index or a slice within low..high."""
    if isinstance(part, slice) and part.start is not None and part.start < 0:
        raise IndexError(f"{part.start} is not within {low}..{high}")
    if isinstance(part, slice):
        start = low if part.start is None else int(part.start)
        stop = high if part.stop is None else int(part.stop)
    else:
        start, stop = int(part), int(part) + 1
    if not low <= start < stop <= high:
        raise IndexError(f"{start}..{stop} is not within {low}..{high}")
    return start, stop - start


def _format(drawable: Gimp.Drawable) -> tuple[str, int]:
    """Return the Babl format to read `drawable` in, with its own colour space, and the bytes of a pixel."""
    native = drawable.get_format()
    kind = Gimp.ImageType.GRAY_IMAGE if isinstance(drawable, Gimp.Channel) else drawable.type()
    if kind not in _FORMATS:
        return Babl.get_name(native), drawable.get_bpp()
    name, nbytes = _FORMATS[kind]
    return Babl.get_name(Babl.format_with_space(name, native)), nbytes
