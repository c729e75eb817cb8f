"""gimpfu's colour values (``gimpcolor.RGB``), and the way to and from GEGL's colours.

GIMP 2 colours were sRGB values with gamma; ``Gegl.Color.set_rgba`` takes linear light,
so the conversion goes through the format ``R'G'B'A double``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, overload

from gi.repository import Babl, Gegl, GLib

_FORMAT = "R'G'B'A double"


class RGB:
    """A colour in sRGB: r, g, b, a are 0..1; indexed or iterated it gives 0..255 like GIMP 2's."""

    def __init__(self, r: float = 0.0, g: float = 0.0, b: float = 0.0, a: float = 1.0):
        self.r, self.g, self.b, self.a = (_unit(value) for value in (r, g, b, a))

    def __len__(self) -> int:
        return 4

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...

    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[int]:
        return (round(255 * part) for part in (self.r, self.g, self.b, self.a))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RGB) and tuple(vars(self).values()) == tuple(vars(other).values())

    def __hash__(self) -> int:
        return hash((self.r, self.g, self.b, self.a))

    def __repr__(self) -> str:
        return f"RGB({self.r:.6g}, {self.g:.6g}, {self.b:.6g}, {self.a:.6g})"


def _unit(value: float) -> float:
    """A component as 0..1; whole numbers count in 255ths, as they did in GIMP 2."""
    return value / 255 if isinstance(value, int) and not isinstance(value, bool) else float(value)


def parse(colour: Any) -> RGB:
    """An RGB from an RGB, a tuple of 3 or 4 components or a CSS name. Raises TypeError."""
    if isinstance(colour, RGB):
        return colour
    if isinstance(colour, Gegl.Color):
        return from_gegl(colour)
    if isinstance(colour, str):
        Gegl.init(None)
        named = Gegl.Color.new("black")
        named.set_property("string", colour)
        return from_gegl(named)
    if isinstance(colour, Sequence) and len(colour) in (3, 4):
        return RGB(*colour)
    raise TypeError(f"not a colour: {colour!r}")


def to_gegl(colour: Any) -> Gegl.Color:
    """The Gegl.Color of anything that `parse` takes."""
    rgb = parse(colour)
    Gegl.init(None)  # GIMP 3.0 aborts when a colour is made before
    native = Gegl.Color.new("black")
    components = struct.pack("4d", rgb.r, rgb.g, rgb.b, rgb.a)
    native.set_bytes(Babl.format(_FORMAT), GLib.Bytes.new(components))
    return native


def from_gegl(colour: Gegl.Color) -> RGB:
    return RGB(*struct.unpack("4d", colour.get_bytes(Babl.format(_FORMAT)).get_data()))
