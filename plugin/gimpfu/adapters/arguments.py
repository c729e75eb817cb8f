"""GIMP 2's arguments by their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gi.repository import Gimp

from .. import colour, enums
from ..signature import shown

# What becomes of an argument of that name; any other stays as it is.
_KINDS: dict[str, Callable[[Any], Any]] = {
    "antialias": bool,
    "color": colour.to_gegl,
    "count": int,
    "criterion": lambda number: enums.native(Gimp.SelectCriterion, number),
    "feather": bool,
    "merged": bool,
    "opacity": float,
    "operation": lambda number: Gimp.ChannelOps(int(number)),
    "points": lambda numbers: [float(one) for one in numbers],
    "repeat": lambda number: enums.native(Gimp.RepeatMode, number),
    "text": str,
    "transparent": bool,
}


def takes(arguments: str) -> Callable[[Callable[[SimpleNamespace], Any]], Callable[..., Any]]:
    """Give a function GIMP 2's arguments as attributes of one value, each as GIMP 3 takes it.

    arguments: their names, in GIMP 2's order; ``*`` before the last one: any number of them, for nothing.
    """
    names = arguments.split()

    def adapt(function: Callable[[SimpleNamespace], Any]) -> Callable[..., Any]:
        def adapted(*given: Any) -> Any:
            told = {name: _KINDS.get(name, _same)(one) for name, one in zip(names, given, strict=False)}
            return function(SimpleNamespace(**told))

        return shown(adapted, names, str(inspect.signature(function).return_annotation))

    return adapt


def _same(value: Any) -> Any:
    return value
