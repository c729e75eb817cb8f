"""Text and its fonts."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gi.repository import Gimp

from .. import resources
from .arguments import takes

_TEXT = "image drawable x y text border antialias size size_type"


def _pixels_of(size: float, size_type: int, image: Any = None) -> float:
    """GIMP 2's size in points follows the image's resolution."""
    if int(size_type) == 0:
        return float(size)
    resolution = image.get_resolution()[2] if image is not None else 72.0
    return float(size) * resolution / 72.0


def _text(given: SimpleNamespace, font: str) -> Any:
    target = None if isinstance(given.drawable, int) else given.drawable
    height = _pixels_of(given.size, given.size_type, given.image)
    place, look = (float(given.x), float(given.y)), (int(given.border), given.antialias)
    return Gimp.text_font(given.image, target, *place, given.text, *look, height, _font(font))


def _font(name: str) -> Any:
    return resources.find("GimpFont", str(name))


@takes(f"{_TEXT} fontname")
def _text_fontname(given: SimpleNamespace) -> Any:
    return _text(given, given.fontname)


@takes(f"{_TEXT} foundry family weight slant *rest")
def _text_family(given: SimpleNamespace) -> Any:
    slant = {"i": "italic", "o": "oblique"}.get(given.slant, "")
    words = [given.family, *(one for one in (given.weight, slant) if one not in ("*", "medium", ""))]
    return _text(given, " ".join(word.capitalize() for word in words))


def _text_extents(text: str, size: float, size_type: int, fontname: str) -> tuple[int, ...]:
    return tuple(Gimp.text_get_extents_font(str(text), _pixels_of(size, size_type), _font(fontname))[1:])


def _text_layer_new(image: Any, text: str, fontname: str, size: float, unit: int) -> Any:
    native = Gimp.Unit.get_by_id(int(unit))
    return Gimp.TextLayer.new(image, str(text), _font(fontname), float(size), native)


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-text-fontname": _text_fontname,
    "gimp-text": _text_family,
    "gimp-text-get-extents-fontname": _text_extents,
    "gimp-text-layer-new": _text_layer_new,
}
