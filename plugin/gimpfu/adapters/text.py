"""Text and its fonts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import resources


def _pixels_of(size: float, size_type: int, image: Any = None) -> float:
    """GIMP 2's size in points follows the image's resolution."""
    if int(size_type) == 0:
        return float(size)
    resolution = image.get_resolution()[2] if image is not None else 72.0
    return float(size) * resolution / 72.0


def _text_fontname(
    image: Any,
    drawable: Any,
    x: float,
    y: float,
    text: str,
    border: int,
    antialias: int,
    size: float,
    size_type: int,
    fontname: str,
) -> Any:
    font = resources.find("GimpFont", str(fontname))
    target = None if isinstance(drawable, int) or drawable is None else drawable
    height = _pixels_of(size, size_type, image)
    return Gimp.text_font(
        image, target, float(x), float(y), str(text), int(border), bool(antialias), height, font
    )


def _text_extents(text: str, size: float, size_type: int, fontname: str) -> tuple[int, ...]:
    font = resources.find("GimpFont", str(fontname))
    return tuple(Gimp.text_get_extents_font(str(text), _pixels_of(size, size_type), font)[1:])


def _text_layer_new(image: Any, text: str, fontname: str, size: float, unit: int) -> Any:
    font = resources.find("GimpFont", str(fontname))
    return Gimp.TextLayer.new(image, str(text), font, float(size), Gimp.Unit.get_by_id(int(unit)))


def _family(family: str, weight: str, slant: str) -> str:
    words = [
        family,
        *(
            one
            for one in (weight, {"i": "italic", "o": "oblique"}.get(slant, ""))
            if one not in ("*", "medium", "")
        ),
    ]
    return " ".join(word.capitalize() for word in words)


def _text(
    image: Any,
    drawable: Any,
    x: float,
    y: float,
    text: str,
    border: int,
    antialias: int,
    size: float,
    size_type: int,
    foundry: str,
    family: str,
    weight: str,
    slant: str,
    *rest: str,
) -> Any:
    font = _family(family, weight, slant)
    return _text_fontname(image, drawable, x, y, text, border, antialias, size, size_type, font)


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-text-fontname": _text_fontname,
    "gimp-text": _text,
    "gimp-text-get-extents-fontname": _text_extents,
    "gimp-text-layer-new": _text_layer_new,
}
