"""Brushes, gradients, palettes, patterns and fonts by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import colour, resources


def _resource_delete(kind: str) -> Callable[..., Any]:
    def delete(name: str) -> None:
        resources.find(kind, str(name)).delete()

    return delete


def _resource_copy(kind: str) -> Callable[..., Any]:
    def duplicate(name: str) -> str:
        return str(resources.find(kind, str(name)).duplicate().get_name())

    return duplicate


def _resource_rename(kind: str) -> Callable[..., Any]:
    def rename(name: str, new: str) -> str:
        found = resources.find(kind, str(name))
        found.rename(str(new))
        return str(found.get_name())

    return rename


def _is_editable(kind: str) -> Callable[..., Any]:
    def ask(name: str) -> int:
        return int(resources.find(kind, str(name)).is_editable())

    return ask


def _names_of(kind: str) -> Callable[..., Any]:
    def ask(pattern: str = "") -> tuple[int, tuple[str, ...]]:
        found = tuple(resources.names(kind, str(pattern or "")))
        return len(found), found

    return ask


def _name_in_context(kind: str) -> Callable[..., Any]:
    def ask() -> str:
        return str(getattr(Gimp, f"context_get_{kind}")().get_name())

    return ask


def _set_in_context(kind: str) -> Callable[..., Any]:
    def choose(name: str) -> None:
        getattr(Gimp, f"context_set_{kind}")(resources.find(f"Gimp{kind.capitalize()}", str(name)))

    return choose


def _segment_colour(side: str) -> Callable[..., Any]:
    def ask(name: str, segment: int) -> tuple[Any, float]:
        gradient = resources.find("GimpGradient", str(name))
        told = getattr(gradient, f"segment_get_{side}_color")(int(segment))
        found = colour.from_gegl(told[-1] if isinstance(told, tuple) else told)
        return found, found.a * 100.0

    return ask


def _set_segment_colour(side: str) -> Callable[..., Any]:
    def choose(name: str, segment: int, color: Any, opacity: float) -> None:
        rgb = colour.parse(color)
        native = colour.to_gegl((rgb.r, rgb.g, rgb.b, float(opacity) / 100.0))
        getattr(resources.find("GimpGradient", str(name)), f"segment_set_{side}_color")(int(segment), native)

    return choose


def _samples(name: str, count: int, reverse: int = 0) -> tuple[int, tuple[float, ...]]:
    return _flat(resources.find("GimpGradient", str(name)).get_uniform_samples(int(count), bool(reverse)))


def _custom_samples(name: str, count: int, positions: Any, reverse: int = 0) -> tuple[int, tuple[float, ...]]:
    places = [float(one) for one in positions][: int(count)]
    return _flat(resources.find("GimpGradient", str(name)).get_custom_samples(places, bool(reverse)))


def _flat(returned: Any) -> tuple[int, tuple[float, ...]]:
    colours = returned[-1] if isinstance(returned, tuple) else returned
    numbers: list[float] = []
    for one in colours:
        rgb = colour.from_gegl(one)
        numbers += [rgb.r, rgb.g, rgb.b, rgb.a]
    return len(numbers), tuple(numbers)


def _palette_colors(name: str) -> tuple[int, tuple[Any, ...]]:
    found = [colour.from_gegl(one) for one in resources.find("GimpPalette", str(name)).get_colors()]
    return len(found), tuple(found)


def _palette_entry(name: str, entry: int) -> tuple[str, int, Any]:
    palette = resources.find("GimpPalette", str(name))
    found = palette.get_entry_color(int(entry))
    found = found[-1] if isinstance(found, tuple) else found
    return palette.get_name(), palette.get_color_count(), colour.from_gegl(found)


def _current_palette() -> tuple[str, int]:
    palette = Gimp.context_get_palette()
    return palette.get_name(), palette.get_color_count()


def _current_brush() -> tuple[str, int, int, int]:
    brush = Gimp.context_get_brush()
    _, width, height, *_ = brush.get_info()
    return brush.get_name(), width, height, brush.get_spacing()


_RESOURCES = {"brush": "GimpBrush", "gradient": "GimpGradient", "palette": "GimpPalette"}

ADAPTERS: dict[str, Callable[..., Any]] = {
    **{f"gimp-{name}-delete": _resource_delete(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-duplicate": _resource_copy(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-rename": _resource_rename(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-is-editable": _is_editable(kind) for name, kind in _RESOURCES.items()},
    **{
        f"gimp-{word}s-get-list": _names_of(f"Gimp{word.capitalize()}")
        for word in ("brush", "font", "gradient", "palette", "pattern")
        if word != "brush"
    },
    "gimp-brushes-get-list": _names_of("GimpBrush"),
    "gimp-brushes-list": _names_of("GimpBrush"),
    "gimp-patterns-list": _names_of("GimpPattern"),
    **{
        f"gimp-gradients-{verb}-active": call
        for verb, call in {"get": _name_in_context("gradient"), "set": _set_in_context("gradient")}.items()
    },
    "gimp-gradients-get-gradient": _name_in_context("gradient"),
    "gimp-gradients-set-gradient": _set_in_context("gradient"),
    "gimp-patterns-set-pattern": _set_in_context("pattern"),
    "gimp-palettes-set-palette": _set_in_context("palette"),
    "gimp-palettes-get-palette": _current_palette,
    "gimp-palettes-get-palette-entry": _palette_entry,
    "gimp-palette-get-colors": _palette_colors,
    "gimp-brushes-get-brush": _current_brush,
    "gimp-gradient-segment-get-left-color": _segment_colour("left"),
    "gimp-gradient-segment-get-right-color": _segment_colour("right"),
    "gimp-gradient-segment-set-left-color": _set_segment_colour("left"),
    "gimp-gradient-segment-set-right-color": _set_segment_colour("right"),
    "gimp-gradient-get-uniform-samples": _samples,
    "gimp-gradient-get-custom-samples": _custom_samples,
}
