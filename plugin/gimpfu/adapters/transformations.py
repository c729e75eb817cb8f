"""Transformations: GIMP 2 took direction, interpolation and clipping as arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp

from ..context import context
from ..errors import error
from ..signature import shown

# How many numbers each takes.
COUNTS = {"flip": 4, "perspective": 8, "rotate": 4, "scale": 4, "shear": 2, "2d": 7, "matrix": 9}
SIMPLE_COUNTS = {"flip_simple": 3, "rotate_simple": 4}
_TOOL_COUNTS = {"rotate": 1, "scale": 4, "shear": 2, "perspective": 8, "2d": 7}
# What ``gimp-drawable-transform-X`` and its kin take after the numbers.
_ENDINGS = {"": "direction interpolation supersample recursion clip", "-default": "interpolate clip"}

_FIRST: dict[str, Callable[[int], Any]] = {  # what the first number stands for, where it is none
    "rotate_simple": Gimp.RotationType,
    "flip_simple": Gimp.OrientationType,
    "shear": Gimp.OrientationType,
}
_LEFT_OUT = {"rotate": (0.0, True, 0.0, 0.0), "flip_simple": (0, True, 0.0)}
_CENTRED = ("rotate", "rotate_simple", "flip_simple")  # the second number says whether


def _transformation(name: str, count: int, told: str, numbers_last: bool = False) -> Callable[..., Any]:
    """Return the procedure with `count` numbers, and what is told of how after or before them."""
    words = told.split()

    def transform(drawable: Any, *args: Any) -> Any:
        if len(args) != count + len(words):
            raise error(f"{count + len(words) + 1} arguments are wanted, {len(args) + 1} were given.")
        split = len(words) if numbers_last else count
        parts = (args[:split], args[split:])
        numbers, how = reversed(parts) if numbers_last else parts
        with context(**_settings(dict(zip(words, how, strict=True)))):
            return getattr(drawable, f"transform_{name}")(*_values(name, numbers))

    numbers = [f"number_{place}" for place in range(1, count + 1)]
    return shown(transform, ["drawable", *([*words, *numbers] if numbers_last else [*numbers, *words])])


def _settings(how: dict[str, Any]) -> dict[str, Any]:
    """Return the context that GIMP 2's arguments ask for."""
    settings: dict[str, Any] = {
        "transform_direction": Gimp.TransformDirection(int(how.get("direction", 0))),
        "transform_resize": Gimp.TransformResize(int(how.get("clip", 0))),
    }
    if "interpolation" in how or not how.get("interpolate", True):
        settings["interpolation"] = Gimp.InterpolationType(int(how.get("interpolation", 0)))
    return settings


def _values(name: str, numbers: Sequence[Any]) -> list[Any]:
    """Return the arguments of GIMP 3's method."""
    values: list[Any] = [float(number) for number in numbers]
    values += _LEFT_OUT.get(name, ())[len(values) :]
    if name in _FIRST:
        values[0] = _FIRST[name](int(values[0]))
    if name in _CENTRED:
        values[1] = bool(values[1])
    return values


def _dashed(name: str) -> str:
    return name.replace("_", "-")


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-flip": _transformation("flip_simple", 1, ""),
    **{
        f"gimp-{'transform-2d' if name == '2d' else name}": _transformation(name, count, "interpolate", True)
        for name, count in _TOOL_COUNTS.items()
    },
    **{
        f"gimp-drawable-transform-{name}{ending}": _transformation(name, count, told)
        for name, count in COUNTS.items()
        for ending, told in _ENDINGS.items()
    },
    **{
        f"gimp-drawable-transform-{_dashed(name)}": _transformation(name, count, "clip")
        for name, count in SIMPLE_COUNTS.items()
    },
}
