"""gimpfu's module ``gimpcolor``: its colour values, and the way to and from GEGL's colours.

GIMP 2 colours were sRGB values with gamma; ``Gegl.Color.set_rgba`` takes linear light,
so the conversion goes through the format ``R'G'B'A double``.
"""

from __future__ import annotations

import colorsys
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from gi.repository import Babl, Gegl, GLib

_FORMAT = "R'G'B'A double"


RGB_COMPOSITE_NONE, RGB_COMPOSITE_NORMAL, RGB_COMPOSITE_BEHIND = range(3)
RGB_LUMINANCE_RED, RGB_LUMINANCE_GREEN, RGB_LUMINANCE_BLUE = 0.22248840, 0.71690369, 0.06060791


class _Colour:
    """Components by name, by a second name, and by position as 0..255 (`_scales` where they differ)."""

    _names: tuple[str, ...] = ()
    _others: dict[str, str] = {}
    _scales: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...

    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        return tuple(self)[index]

    def __setitem__(self, index: int, value: float) -> None:
        setattr(
            self, self._names[index], value / self._scale(index) if isinstance(value, int) else float(value)
        )

    def __iter__(self) -> Iterator[int]:
        return (round(self._scale(place) * getattr(self, name)) for place, name in enumerate(self._names))

    def _scale(self, place: int) -> float:
        return self._scales[place] if self._scales else 255.0

    def __getattr__(self, name: str) -> float:
        if name in type(self)._others:
            return float(getattr(self, type(self)._others[name]))
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, self._others.get(name, name), _unit(value))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{getattr(self, name):.6g}" for name in self._names)
        return f"{type(self).__name__}({parts})"

    def set_alpha(self, a: float) -> None:
        self.a = a

    def clamp(self) -> None:
        for name in self._names:
            setattr(self, name, min(1.0, max(0.0, float(getattr(self, name)))))


class RGB(_Colour):
    """A colour in sRGB: r, g, b, a are 0..1; indexed or iterated it gives 0..255 like GIMP 2's."""

    _names = ("r", "g", "b", "a")
    _others = {"red": "r", "green": "g", "blue": "b", "alpha": "a"}

    def __init__(self, r: float = 0.0, g: float = 0.0, b: float = 0.0, a: float = 1.0):
        self.r, self.g, self.b, self.a = r, g, b, a

    set = __init__

    def __add__(self, other: Any) -> RGB:
        return self._with(other, lambda one, two: one + two)

    def __sub__(self, other: Any) -> RGB:
        return self._with(other, lambda one, two: one - two)

    def __mul__(self, other: Any) -> RGB:
        factor = RGB(*[float(other)] * 3) if isinstance(other, (int, float)) else other
        return self._with(factor, lambda one, two: one * two)

    def _with(self, other: Any, combine: Callable[[float, float], float]) -> RGB:
        second = parse(other)
        r, g, b = (combine(getattr(self, name), getattr(second, name)) for name in "rgb")
        return RGB(r, g, b, self.a)

    def _become(self, other: RGB, with_alpha: bool = False) -> None:
        self.r, self.g, self.b = other.r, other.g, other.b
        if with_alpha:
            self.a = other.a

    def add(self, color: Any, with_alpha: bool = False) -> None:
        """Add `color` to this colour."""
        self._become(self + color)

    def subtract(self, color: Any, with_alpha: bool = False) -> None:
        """Subtract `color` from this colour."""
        self._become(self - color)

    def multiply(self, factor: float, with_alpha: bool = False) -> None:
        """Multiply this colour's channels by a factor."""
        self._become(self * float(factor))

    def distance(self, color: Any, alpha: bool = False) -> float:
        """Sum the channels' absolute differences, alpha's only if asked."""
        other = parse(color)
        return float(
            sum(abs(getattr(self, name) - getattr(other, name)) for name in ("rgba" if alpha else "rgb"))
        )

    def max(self) -> float:
        """Return the largest of red, green and blue."""
        return max(self.r, self.g, self.b)

    def min(self) -> float:
        """Return the smallest of red, green and blue."""
        return min(self.r, self.g, self.b)

    def gamma(self, gamma: float) -> None:
        """Raise the channels to 1 / gamma."""
        self.r, self.g, self.b = (max(0.0, getattr(self, name)) ** (1.0 / gamma) for name in "rgb")

    def luminance(self) -> float:
        """Return the weighted sum of red, green and blue."""
        return RGB_LUMINANCE_RED * self.r + RGB_LUMINANCE_GREEN * self.g + RGB_LUMINANCE_BLUE * self.b

    def composite(self, color: Any, mode: int = RGB_COMPOSITE_NORMAL) -> None:
        """Lay `color` over this one, or behind it, by its alpha."""
        other = parse(color)
        if mode == RGB_COMPOSITE_NONE:
            return
        upper, lower = (other, self) if mode == RGB_COMPOSITE_NORMAL else (self, other)
        alpha = upper.a + (1.0 - upper.a) * lower.a
        if alpha:
            parts = [
                (upper.a * getattr(upper, name) + (1.0 - upper.a) * lower.a * getattr(lower, name)) / alpha
                for name in "rgb"
            ]
            self.r, self.g, self.b = parts
        self.a = alpha

    def parse_name(self, name: str) -> None:
        """Become the colour of that name."""
        self._become(parse(name))

    def parse_hex(self, hex: str) -> None:  # noqa: A002 - gimpcolor's own name
        """Become the colour of a hexadecimal notation."""
        self._become(rgb_parse_hex(hex))

    def parse_css(self, css: str, with_alpha: bool = False) -> None:
        """Become the colour of a CSS notation."""
        self._become(parse(css), with_alpha)

    def to_hsv(self) -> HSV:
        """Return the same colour as hue, saturation and value."""
        return HSV(*colorsys.rgb_to_hsv(self.r, self.g, self.b), self.a)

    def to_hsl(self) -> HSL:
        """Return the same colour as hue, saturation and lightness."""
        hue, lightness, saturation = colorsys.rgb_to_hls(self.r, self.g, self.b)
        return HSL(hue, saturation, lightness, self.a)

    def to_cmyk(self, pullout: float = 1.0) -> CMYK:
        """Return the same colour as CMYK; pullout: the share of grey that becomes black."""
        black = pullout * (1.0 - self.max())
        if black >= 1.0:
            return CMYK(0.0, 0.0, 0.0, 1.0, self.a)
        c, m, y = ((1.0 - getattr(self, name) - black) / (1.0 - black) for name in "rgb")
        return CMYK(c, m, y, black, self.a)


class HSV(_Colour):
    """Hue, saturation, value, 0..1; by position the hue is in degrees."""

    _names = ("h", "s", "v", "a")
    _others = {"hue": "h", "saturation": "s", "value": "v", "alpha": "a"}
    _scales = (360.0, 255.0, 255.0, 255.0)

    def __init__(self, h: float = 0.0, s: float = 0.0, v: float = 0.0, a: float = 1.0):
        self.h, self.s, self.v, self.a = h, s, v, a

    set = __init__

    def to_rgb(self) -> RGB:
        """Return the same colour as red, green and blue."""
        return RGB(*colorsys.hsv_to_rgb(self.h, self.s, self.v), self.a)


class HSL(_Colour):
    """Hue, saturation, lightness, 0..1; by position the hue is in degrees."""

    _names = ("h", "s", "l", "a")
    _others = {"hue": "h", "saturation": "s", "lightness": "l", "alpha": "a"}
    _scales = (360.0, 255.0, 255.0, 255.0)

    def __init__(self, h: float = 0.0, s: float = 0.0, l: float = 0.0, a: float = 1.0):  # noqa: E741
        self.h, self.s, self.l, self.a = h, s, l, a

    set = __init__

    def to_rgb(self) -> RGB:
        """Return the same colour as red, green and blue."""
        return RGB(*colorsys.hls_to_rgb(self.h, self.l, self.s), self.a)


class CMYK(_Colour):
    """Cyan, magenta, yellow, black, 0..1."""

    _names = ("c", "m", "y", "k", "a")
    _others = {"cyan": "c", "magenta": "m", "yellow": "y", "black": "k", "alpha": "a"}

    def __init__(self, c: float = 0.0, m: float = 0.0, y: float = 0.0, k: float = 0.0, a: float = 1.0):
        self.c, self.m, self.y, self.k, self.a = c, m, y, k, a

    set = __init__

    def to_rgb(self) -> RGB:
        """Return the same colour as red, green and blue."""
        r, g, b = ((1.0 - getattr(self, name)) * (1.0 - self.k) for name in "cmy")
        return RGB(r, g, b, self.a)


def rgb_parse_name(name: str) -> RGB:
    """Read a colour's name."""
    return parse(name)


def rgb_parse_css(css: str, with_alpha: bool = False) -> RGB:
    """Read a CSS notation."""
    return parse(css)


def rgb_parse_hex(hex: str) -> RGB:  # noqa: A002 - gimpcolor's own name
    """Return the colour of 3, 6 or 12 hexadecimal digits. Raises ValueError."""
    digits = hex.lstrip("#")
    size = len(digits) // 3
    if len(digits) not in (3, 6, 9, 12):
        raise ValueError(f"not a colour: {hex}")
    top = 16**size - 1
    return RGB(*(int(digits[size * place : size * (place + 1)], 16) / top for place in range(3)))


def rgb_names() -> dict[str, RGB]:
    """Return the named colours."""
    return {name: parse(name) for name in _CSS.split()}


def bilinear(x: float, y: float, values: Sequence[float]) -> float:
    """Interpolate between four values, the upper two first."""
    across, down = x - int(x), y - int(y)
    upper = (1.0 - across) * values[0] + across * values[1]
    return (1.0 - down) * upper + down * ((1.0 - across) * values[2] + across * values[3])


def bilinear_rgb(x: float, y: float, values: Sequence[Any]) -> RGB:
    """Interpolate between four colours, channel by channel."""
    four = [parse(value) for value in values]
    return RGB(*(bilinear(x, y, [getattr(one, name) for one in four]) for name in "rgb"))


bilinear_rgba = bilinear_rgb
_CSS = "black white red green blue yellow cyan magenta gray silver maroon olive purple teal navy orange"


def _unit(value: float) -> float:
    """Return a component as 0..1; whole numbers count in 255ths, as they did in GIMP 2."""
    return value / 255 if isinstance(value, int) and not isinstance(value, bool) else float(value)


def parse(colour: Any) -> RGB:
    """Return an RGB from an RGB, a tuple of 3 or 4 components or a CSS name. Raises TypeError."""
    if isinstance(colour, RGB):
        return colour
    if isinstance(colour, Gegl.Color):
        return from_gegl(colour)
    if isinstance(colour, str):
        Gegl.init(None)
        if re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{12})", colour):
            return rgb_parse_hex(colour)
        named = Gegl.Color.new("black")
        named.set_property("string", colour)
        return from_gegl(named)
    if isinstance(colour, (HSV, HSL, CMYK)):
        return colour.to_rgb()
    if isinstance(colour, Sequence) and len(colour) in (3, 4):
        return RGB(*colour)
    raise TypeError(f"not a colour: {colour!r}")


def to_gegl(colour: Any) -> Gegl.Color:
    """Return the Gegl.Color of anything that `parse` takes."""
    rgb = parse(colour)
    Gegl.init(None)  # GIMP 3.0 aborts when a colour is made before
    native = Gegl.Color.new("black")
    components = struct.pack("4d", rgb.r, rgb.g, rgb.b, rgb.a)
    native.set_bytes(Babl.format(_FORMAT), GLib.Bytes.new(components))
    return native


def from_gegl(colour: Gegl.Color) -> RGB:
    """Read GEGL's colour as sRGB."""
    return RGB(*struct.unpack("4d", colour.get_bytes(Babl.format(_FORMAT)).get_data()))
