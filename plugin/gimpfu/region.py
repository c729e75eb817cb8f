"""Pixel regions: rectangles of a drawable as bytes, the way gimpfu's ``get_pixel_rgn`` gave them.

Samples are 8 bit, one to four a pixel, interleaved, in the colour space of the image; the
base type and the alpha channel are the drawable's own. Coordinates are the drawable's.

What is written goes to GIMP tile by tile, not pixel by pixel: `flush` sends the rest. Scripts
flush too late or never, so it also runs before anything else that looks at the drawable
(see `patches`), before every PDB call and at the end of a run. It has to: GEGL ends the
process over pixels that are left when their drawable is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gi.repository import Babl, Gegl, Gimp

_FORMATS = {
    Gimp.ImageType.RGB_IMAGE: ("R'G'B' u8", 3),
    Gimp.ImageType.RGBA_IMAGE: ("R'G'B'A u8", 4),
    Gimp.ImageType.GRAY_IMAGE: ("Y' u8", 1),
    Gimp.ImageType.GRAYA_IMAGE: ("Y'A u8", 2),
}


class Samples(bytes):
    """Bytes whose items are bytes of length one, as a Python 2 string's were."""

    def __getitem__(self, index: Any) -> bytes:  # type: ignore[override]
        part = super().__getitem__(index)
        return bytes([part]) if isinstance(part, int) else Samples(part)

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        return (self[index] for index in range(len(self)))


_written: dict[int, PixelRgn] = {}


def flush() -> None:
    """Sends GIMP everything that regions have written."""
    while _written:
        _, written = _written.popitem()
        written.send()


class PixelRgn:
    """``drawable.get_pixel_rgn(x, y, w, h, dirty, shadow)``: ``rgn[x, y]`` is a pixel,
    ``rgn[x1:x2, y1:y2]`` a rectangle, row by row; both can be read and assigned.

    With `shadow`, what is written waits for ``drawable.merge_shadow(True)``. Raises
    IndexError outside of the drawable, ValueError for bytes of the wrong length, TypeError
    for what is not bytes, a string of characters below 256 or a sequence of numbers below 256.
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
        self.x, self.y = x, y
        self.w = drawable.get_width() - x if width is None else width
        self.h = drawable.get_height() - y if height is None else height
        self.dirty, self.shadow = bool(dirty), bool(shadow)
        self._format, self.bpp = _format(drawable)
        self._number = drawable.get_id()
        self._source = drawable.get_buffer()
        self._target = drawable.get_shadow_buffer() if shadow else self._source

    @property
    def rowstride(self) -> int:
        return self.w * self.bpp

    def __getitem__(self, place: tuple[Any, Any]) -> Samples:
        if any(other.covers(self) for other in _written.values()):
            flush()
        rectangle, nbytes = self._rectangle(place)
        data = self._source.get(rectangle, 1.0, self._format, Gegl.AbyssPolicy.NONE)
        if len(data) != nbytes:
            raise IndexError("the rectangle could not be read")
        return Samples(data)

    def __setitem__(self, place: tuple[Any, Any], data: Any) -> None:
        rectangle, nbytes = self._rectangle(place)
        raw = _bytes(data)
        if len(raw) != nbytes:  # GEGL itself would only print a warning
            raise ValueError(f"{nbytes} bytes belong there, not {len(raw)}")
        self._target.set(rectangle, self._format, raw)
        _written[id(self)] = self

    def send(self) -> None:
        """Sends GIMP what was written here."""
        self._target.flush()

    def covers(self, other: PixelRgn) -> bool:
        """Whether `other` reads from the drawable that is written here, through a buffer of its own."""
        return other is not self and not self.shadow and other._number == self._number

    def _rectangle(self, place: tuple[Any, Any]) -> tuple[Gegl.Rectangle, int]:
        x, width = _span(place[0], self.x, self.x + self.w)
        y, height = _span(place[1], self.y, self.y + self.h)
        return Gegl.Rectangle.new(x, y, width, height), width * height * self.bpp


def _bytes(data: Any) -> bytes:
    if hasattr(data, "__index__"):  # bytes() would make as many zeros of it
        raise TypeError(f"pixels are bytes, not the number {data!r}; one sample is bytes([{data!r}])")
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)


def _span(part: Any, low: int, high: int) -> tuple[int, int]:
    """(start, length) of an index or a slice within low..high."""
    if isinstance(part, slice):
        start = low if part.start is None else int(part.start)
        stop = high if part.stop is None else int(part.stop)
    else:
        start, stop = int(part), int(part) + 1
    if not low <= start < stop <= high:
        raise IndexError(f"{start}..{stop} is not within {low}..{high}")
    return start, stop - start


def _format(drawable: Gimp.Drawable) -> tuple[str, int]:
    """The Babl format to read `drawable` in, with its own colour space, and the bytes of a pixel."""
    native = drawable.get_format()
    kind = Gimp.ImageType.GRAY_IMAGE if isinstance(drawable, Gimp.Channel) else drawable.type()
    if kind not in _FORMATS:
        return Babl.get_name(native), drawable.get_bpp()
    name, nbytes = _FORMATS[kind]
    return Babl.get_name(Babl.format_with_space(name, native)), nbytes
