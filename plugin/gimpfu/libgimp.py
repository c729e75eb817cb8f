"""Procedures with arrays of numbers, called as libgimp's functions instead of through the PDB.

PyGObject cannot pass ``GimpDoubleArray`` and ``GimpInt32Array`` in a procedure's
configuration (a list raises, a filled GValue ends the process), but it can as arguments of
the C functions of the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp, GObject

from . import values
from .errors import error

_UNPASSABLE = {"GimpDoubleArray", "GimpInt32Array"}
_CLASSES = {
    "image": "Image",
    "drawable": "Drawable",
    "layer": "Layer",
    "channel": "Channel",
    "item": "Item",
    "path": "Path",
    "palette": "Palette",
    "gradient": "Gradient",
    "brush": "Brush",
    "text-layer": "TextLayer",
}


def must_serve(specs: Sequence[GObject.ParamSpec], results: Sequence[GObject.ParamSpec]) -> bool:
    """Whether a procedure with these arguments and results has to be called here."""
    return any(spec.value_type.name in _UNPASSABLE for spec in (*specs, *results))


def call(name: str, specs: Sequence[GObject.ParamSpec], pairs: list[values.Pair]) -> Any:
    """Call the C function behind procedure `name`; the result has gimpfu's shape.

    Arguments left out at the end get their defaults. Raises `error`, also where there is none.
    """
    arguments = [values.convert(spec, value) for spec, value in pairs]
    arguments += [_default(name, spec) for spec in specs[len(pairs) :]]
    try:
        returned = _function(name)(*arguments)
    except TypeError as fault:
        raise error(f"{name}: {fault}") from None
    parts = list(returned) if isinstance(returned, tuple) else [returned]
    if parts and isinstance(parts[0], bool) and not parts.pop(0):
        raise error(Gimp.get_pdb().get_last_error() or f"{name} failed")
    return values.shape([_part(part) for part in parts])


def _default(name: str, spec: GObject.ParamSpec) -> Any:
    default = getattr(spec, "default_value", None)  # items, images and arrays have none
    if default is None:
        raise error(f"{name} was not given {spec.name}, which has no default.")
    return default


def _part(part: Any) -> tuple[Any, ...]:
    if isinstance(part, (list, tuple)):
        return values.counted([values.simplify(item) for item in part])
    return (values.simplify(part),)


def _function(name: str) -> Callable[..., Any]:
    bare = name.removeprefix("gimp-")
    for prefix, kind in _CLASSES.items():
        method = bare.removeprefix(f"{prefix}-").replace("-", "_")
        if bare.startswith(f"{prefix}-") and hasattr(getattr(Gimp, kind), method):
            return getattr(getattr(Gimp, kind), method)  # type: ignore[no-any-return]
    function = getattr(Gimp, bare.replace("-", "_"), None)
    if function is None:
        raise error(f"{name} takes arrays of numbers, which this GIMP's Python cannot pass on.")
    return function  # type: ignore[no-any-return]
