"""Brushes, gradients, palettes, patterns and fonts, which GIMP 2's callers gave and got by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import colour, resources, values
from ..errors import error
from ..signature import without_result

Numbers = tuple[int, tuple[float, ...]]


def _named(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function the resource of that kind for the name that comes first."""

    def adapt(function: Callable[..., Any]) -> Callable[..., Any]:
        def adapted(name: str, *more: Any) -> Any:
            return function(resources.find(kind, str(name)), *more)

        seen = inspect.signature(function)
        first, *others = seen.parameters.values()
        parameters = [first.replace(name="name"), *others]
        adapted.__signature__ = seen.replace(parameters=parameters)  # type: ignore[attr-defined]
        return adapted

    return adapt


def _rename(resource: Any, new: str) -> str:
    resource.rename(str(new))
    return str(resource.get_name())


def _names_of(kind: str) -> Callable[..., Any]:
    return lambda pattern="": values.counted(resources.names(kind, str(pattern or "")))


def _name_in_context(kind: str) -> Callable[..., Any]:
    return lambda: str(getattr(Gimp, f"context_get_{kind}")().get_name())


def _set_in_context(kind: str) -> Callable[..., Any]:
    return _named(f"Gimp{kind.capitalize()}")(lambda name: getattr(Gimp, f"context_set_{kind}")(name))


def _bare(returned: Any) -> Any:
    """Return what was asked for without the value before it that says whether there is one."""
    return returned[-1] if isinstance(returned, tuple) else returned


def _segment_colour(side: str) -> Callable[..., Any]:
    @_named("GimpGradient")
    def ask(gradient: Any, segment: int) -> tuple[Any, float]:
        found = colour.from_gegl(_bare(getattr(gradient, f"segment_get_{side}_color")(int(segment))))
        return found, found.a * 100.0

    return ask


def _set_segment_colour(side: str) -> Callable[..., Any]:
    @_named("GimpGradient")
    def choose(gradient: Any, segment: int, color: Any, opacity: float) -> None:
        rgb = colour.parse(color)
        native = colour.to_gegl((rgb.r, rgb.g, rgb.b, float(opacity) / 100.0))
        getattr(gradient, f"segment_set_{side}_color")(int(segment), native)

    return choose


@_named("GimpGradient")
def _samples(gradient: Any, count: int, reverse: int = 0) -> Numbers:
    return _flat(gradient.get_uniform_samples(int(count), bool(reverse)))


@_named("GimpGradient")
def _custom_samples(gradient: Any, count: int, positions: Any, reverse: int = 0) -> Numbers:
    places = [float(one) for one in positions][: int(count)]
    return _flat(gradient.get_custom_samples(places, bool(reverse)))


def _flat(returned: Any) -> Numbers:
    found = map(colour.from_gegl, _bare(returned))
    return values.counted(part for rgb in found for part in (rgb.r, rgb.g, rgb.b, rgb.a))


@_named("GimpPalette")
def _palette_colors(palette: Any) -> tuple[int, tuple[Any, ...]]:
    return values.counted(map(colour.from_gegl, palette.get_colors()))


@_named("GimpPalette")
def _palette_entry(palette: Any, entry: int) -> tuple[str, int, Any]:
    found = colour.from_gegl(_bare(palette.get_entry_color(int(entry))))
    return palette.get_name(), palette.get_color_count(), found


def _current_palette() -> tuple[str, int]:
    palette = Gimp.context_get_palette()
    return palette.get_name(), palette.get_color_count()


def _current_brush() -> tuple[str, int, int, int]:
    brush = Gimp.context_get_brush()
    _, width, height, *_ = brush.get_info()
    return brush.get_name(), width, height, brush.get_spacing()


_NO_DYNAMICS = "Dynamics Off"  # which GIMP 3 has as a switch


def _dynamics() -> str:
    return Gimp.context_get_dynamics_name() if Gimp.context_are_dynamics_enabled() else _NO_DYNAMICS


def _set_dynamics(name: str) -> None:
    Gimp.context_enable_dynamics(str(name) != _NO_DYNAMICS)
    if str(name) != _NO_DYNAMICS and not Gimp.context_set_dynamics_name(str(name)):
        raise error(f"GIMP has no dynamics called {name}.")


_CHANGED = {"brush": "GimpBrush", "gradient": "GimpGradient", "palette": "GimpPalette"}
_LISTS = {
    "gimp-brushes-get-list": "GimpBrush",
    "gimp-brushes-list": "GimpBrush",
    "gimp-fonts-get-list": "GimpFont",
    "gimp-gradients-get-list": "GimpGradient",
    "gimp-palettes-get-list": "GimpPalette",
    "gimp-patterns-get-list": "GimpPattern",
    "gimp-patterns-list": "GimpPattern",
}

ADAPTERS: dict[str, Callable[..., Any]] = {
    **{
        f"gimp-{name}-duplicate": _named(kind)(lambda name: str(name.duplicate().get_name()))
        for name, kind in _CHANGED.items()
    },
    **{f"gimp-{name}-rename": _named(kind)(_rename) for name, kind in _CHANGED.items()},
    **{
        f"gimp-{name}-is-editable": _named(kind)(lambda name: int(name.is_editable()))
        for name, kind in _CHANGED.items()
    },
    **{name: _names_of(kind) for name, kind in _LISTS.items()},
    **{f"gimp-gradients-get-{name}": _name_in_context("gradient") for name in ("active", "gradient")},
    **without_result(
        {
            **{
                f"gimp-{name}-delete": _named(kind)(lambda name: name.delete())
                for name, kind in _CHANGED.items()
            },
            **{f"gimp-gradients-set-{name}": _set_in_context("gradient") for name in ("active", "gradient")},
            "gimp-context-set-dynamics": _set_dynamics,
            "gimp-patterns-set-pattern": _set_in_context("pattern"),
            "gimp-palettes-set-palette": _set_in_context("palette"),
        }
    ),
    "gimp-context-get-dynamics": _dynamics,
    "gimp-palettes-get-palette": _current_palette,
    "gimp-palettes-get-palette-entry": _palette_entry,
    "gimp-palette-get-colors": _palette_colors,
    "gimp-brushes-get-brush": _current_brush,
    **{f"gimp-gradient-segment-get-{side}-color": _segment_colour(side) for side in ("left", "right")},
    **{f"gimp-gradient-segment-set-{side}-color": _set_segment_colour(side) for side in ("left", "right")},
    "gimp-gradient-get-uniform-samples": _samples,
    "gimp-gradient-get-custom-samples": _custom_samples,
}
