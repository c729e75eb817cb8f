"""Transformations: GIMP 2 took direction, interpolation and clipping as arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp

from ..context import context
from ..errors import error


def _transform(
    drawable: Any,
    apply: Callable[[Any], Any],
    direction: int = 0,
    interpolation: int | None = None,
    clip: int = 0,
) -> Any:
    settings: dict[str, Any] = {
        "transform_direction": Gimp.TransformDirection(int(direction)),
        "transform_resize": Gimp.TransformResize(int(clip)),
    }
    if interpolation is not None:
        settings["interpolation"] = Gimp.InterpolationType(int(interpolation))
    with context(**settings):
        return apply(drawable)


def _full(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X``: numbers, direction, interpolation, supersample, recursion, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (direction, interpolation, _, _, clip) = args[:count], _exactly(args[count:], 5)
        call = _item_transform(name, numbers)
        return _transform(drawable, call, direction, interpolation, clip)

    return transform


def _default(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X-default``: numbers, whether to interpolate, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (interpolate, clip) = args[:count], _exactly(args[count:], 2)
        call = _item_transform(name, numbers)
        return _transform(drawable, call, 0, None if interpolate else 0, clip)

    return transform


def _simple(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X-simple``: numbers, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (clip,) = args[:count], _exactly(args[count:], 1)
        return _transform(drawable, _item_transform(name, numbers), 0, None, clip)

    return transform


def _tool(name: str, count: int) -> Callable[..., Any]:
    """``gimp-rotate`` and its kin: whether to interpolate, then the numbers."""

    def transform(drawable: Any, interpolation: int, *args: Any) -> Any:
        call = _item_transform(name, _exactly(args, count))
        return _transform(drawable, call, 0, None if interpolation else 0)

    return transform


def _exactly(values: Sequence[Any], count: int) -> Sequence[Any]:
    if len(values) != count:
        raise error(f"{count} more arguments are wanted, {len(values)} were given.")
    return values


def _item_transform(name: str, numbers: Sequence[Any]) -> Callable[[Any], Any]:
    given = [float(number) for number in numbers]

    def rotate(item: Any) -> Any:
        angle, centre, x, y = (*given, 1.0, 0.0, 0.0)[:4]
        return item.transform_rotate(angle, bool(centre), x, y)

    def simple_rotate(item: Any) -> Any:
        return item.transform_rotate_simple(
            Gimp.RotationType(int(given[0])), bool(given[1]), given[2], given[3]
        )

    def simple_flip(item: Any) -> Any:
        centre, axis = (*given[1:], 1.0, 0.0)[:2]
        return item.transform_flip_simple(Gimp.OrientationType(int(given[0])), bool(centre), axis)

    def shear(item: Any) -> Any:
        return item.transform_shear(Gimp.OrientationType(int(given[0])), given[1])

    own = {"rotate": rotate, "rotate_simple": simple_rotate, "flip_simple": simple_flip, "shear": shear}
    return own.get(name) or (lambda item: getattr(item, f"transform_{name}")(*given))


def _flip(drawable: Any, flip_type: int) -> Any:
    return _transform(drawable, _item_transform("flip_simple", [flip_type]))


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-flip": _flip,
    "gimp-rotate": _tool("rotate", 1),
    "gimp-scale": _tool("scale", 4),
    "gimp-shear": _tool("shear", 2),
    "gimp-perspective": _tool("perspective", 8),
    "gimp-transform-2d": _tool("2d", 7),
    **{
        f"gimp-drawable-transform-{name.replace('_', '-')}{kind}": make(name, count)
        for name, count in {
            "flip": 4,
            "perspective": 8,
            "rotate": 4,
            "scale": 4,
            "shear": 2,
            "2d": 7,
            "matrix": 9,
        }.items()
        for kind, make in {"": _full, "-default": _default}.items()
    },
    "gimp-drawable-transform-flip-simple": _simple("flip_simple", 3),
    "gimp-drawable-transform-rotate-simple": _simple("rotate_simple", 4),
}
