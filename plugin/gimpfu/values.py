"""Arguments and return values of PDB procedures: gimpfu's Python values to GIMP's and back."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gi.repository import Gegl, Gimp, Gio, GLib, GObject

from . import colour, enums, resources
from .errors import error, say_once

RESOURCES = resources.KINDS
_NUMBERS = (GObject.ParamSpecInt, GObject.ParamSpecUInt, GObject.ParamSpecDouble)

Pair = tuple[GObject.ParamSpec, Any]


def pair(name: str, specs: Sequence[GObject.ParamSpec], given: list[Any]) -> list[Pair]:
    """Each given value with the argument that it belongs to.

    GIMP 2 passed arrays as a count and the items: the count is dropped. Raises `error`
    when there are more values than arguments.
    """
    pairs: list[Pair] = []
    rest = list(given)
    for index, spec in enumerate(specs):
        after_file = bool(index) and specs[index - 1].value_type.name == "GFile"
        if after_file and len(rest) > len(specs) - index and isinstance(rest[0], (str, bytes, type(None))):
            rest.pop(0)  # GIMP 2's raw file name
        if _is_array(spec) and len(rest) > 1 and isinstance(rest[0], int) and _is_sequence(rest[1]):
            rest.pop(0)
        if not rest:
            break
        pairs.append((spec, rest.pop(0)))
    if rest and specs and specs[-1].value_type.name == "GFile":
        rest.pop(0)
    if rest:
        raise error(f"{name} takes {len(specs)} arguments, {len(given)} were given.")
    return pairs


def store(config: Gimp.ProcedureConfig, spec: GObject.ParamSpec, value: Any) -> None:
    """Put one converted value into `config`. Raises `error` for one that GIMP would not take."""
    kind = spec.value_type.name
    native = convert(spec, value)
    if kind == "GimpCoreObjectArray":
        config.set_core_object_array(spec.name, native)
    elif kind == "GimpColorArray":
        config.set_color_array(spec.name, native)
    else:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                config.set_property(spec.name, native)
            except TypeError as fault:
                raise error(f"{spec.name}: {fault}") from None
        if told:  # a value out of range: GObject warns and keeps the old one
            raise error(f"{spec.name} cannot be {value!r}.")


def convert(spec: GObject.ParamSpec, value: Any) -> Any:
    """`value` as GIMP's type for this argument."""
    kind = spec.value_type.name
    if value is None:
        return [] if kind in ARRAYS else None
    if kind == "GimpCoreObjectArray":
        items = value if _is_sequence(value) else [value]
        return [_by_number(spec.name, Gimp.Item, item) for item in items]
    if kind in _ITEMS:
        return [_ITEMS[kind](item) for item in value]
    if kind == "GeglColor":
        return colour.to_gegl(value)
    if kind in RESOURCES and isinstance(value, (str, bytes)):
        return resources.find(kind, str(value))
    for given, name, make in _MADE:
        if kind == name and isinstance(value, given):
            return make(value)
    if spec.value_type.is_a(Gimp.Item) or spec.value_type.is_a(Gimp.Image):
        return _by_number(spec.name, spec.value_type.pytype, value)
    return _plain(spec, value)


def file_of(name: str | bytes) -> Gio.File:
    """Return the file of a path or an URI."""
    text = path_of(name)
    return Gio.File.new_for_uri(text) if "://" in text else Gio.File.new_for_path(text)


def path_of(name: Any) -> str:
    """Return a path as text, whatever its bytes are."""
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


# What becomes of the items of an array, and of a value of some type where GIMP wants another.
_ITEMS: dict[str, Callable[[Any], Any]] = {
    "GimpColorArray": colour.to_gegl,
    "GimpDoubleArray": float,
    "GimpInt32Array": int,
    "GStrv": str,
}
ARRAYS = {"GimpCoreObjectArray", *_ITEMS}
_MADE: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    ((str, bytes), "GFile", file_of),
    (int, "GimpUnit", Gimp.Unit.get_by_id),
    (bytes, "GBytes", GLib.Bytes.new),
)


def _by_number(name: str, kind: Any, value: Any) -> Any:
    """Return the object with a number; gimpfu's scripts gave numbers, too, and 0 or -1 for none."""
    if not isinstance(value, int):
        return value
    if value <= 0:
        return None
    found = kind.get_by_id(value)
    if found is None:
        raise error(f"{name}: GIMP has no {kind.__name__.lower()} with number {value}.")
    return found


def _plain(spec: GObject.ParamSpec, value: Any) -> Any:
    kind = spec.value_type.name
    if isinstance(spec, GObject.ParamSpecEnum):
        return enums.native(spec.value_type.pytype, value)
    if isinstance(spec, _NUMBERS):
        number = float(value) if isinstance(spec, GObject.ParamSpecDouble) else int(float(value))
        if not spec.minimum <= number <= spec.maximum:
            raise error(f"{spec.name} must be between {spec.minimum:g} and {spec.maximum:g}, not {number:g}.")
        return number
    if kind == "gboolean":
        return bool(value)
    if kind == "gchararray":
        if not isinstance(spec, Gimp.ParamChoice):
            return str(value)
        return _nick(spec, value) if isinstance(value, int) else _choice(spec, str(value))
    return value


def within(spec: GObject.ParamSpec, value: Any) -> Any:
    """Return a number moved into an argument's range, which is narrower in GIMP 3 than in GIMP 2."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(spec, _NUMBERS):
        return value
    moved = min(max(value, spec.minimum), spec.maximum)
    if moved != value:
        say_once(f"{spec.name} goes from {spec.minimum:g} to {spec.maximum:g} in GIMP 3, not to {value:g}.")
    return moved


def _nick(spec: GObject.ParamSpec, number: int) -> str:
    """Return the choice with this number: gimpfu's scripts counted options."""
    choice = Gimp.param_spec_choice_get_choice(spec)
    for nick in choice.list_nicks():
        if choice.get_id(nick) == number:
            return str(nick)
    raise error(f"{spec.name} has no choice number {number}.")


def _choice(spec: GObject.ParamSpec, text: str) -> str:
    """Return the choice that a text names: its nick, its label, or the nick written another way."""
    choice = Gimp.param_spec_choice_get_choice(spec)
    nicks = [str(nick) for nick in choice.list_nicks()]
    plain = _plain_words(text)
    for nick in nicks:
        if plain in (_plain_words(nick), _plain_words(choice.get_label(nick) or "")):
            return nick
    return next((nick for nick in nicks if nick.lower().endswith(f"-{plain}")), text)


def _plain_words(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()


def _is_array(spec: GObject.ParamSpec) -> bool:
    return spec.value_type.name in ARRAYS


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def load(returned: Gimp.ValueArray, index: int, spec: GObject.ParamSpec) -> tuple[Any, ...]:
    """One return value as gimpfu gave it: arrays as a count and a tuple."""
    kind = spec.value_type.name
    if kind == "GimpCoreObjectArray":
        return counted([simplify(item) for item in returned.get_core_object_array(index)], by_id=True)
    if kind == "GimpColorArray":
        return counted([simplify(item) for item in returned.get_color_array(index)])
    value = returned.index(index)
    if kind == "GStrv":
        return counted(value or [])
    return (simplify(value),)


def counted(items: Iterable[Any], by_id: bool = False) -> tuple[int, tuple[Any, ...]]:
    """Return a count and the items; objects become their numbers, which is what GIMP 2's arrays held."""
    found = tuple(item.get_id() if by_id and hasattr(item, "get_id") else item for item in items)
    return len(found), found


def simplify(value: Any) -> Any:
    """Colours, files and resources as the values that gimpfu used for them."""
    return next((make(value) for kind, make in _SIMPLE if isinstance(value, kind)), value)


_SIMPLE: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Gegl.Color, colour.from_gegl),
    (Gio.File, lambda file: file.get_path() or file.get_uri()),
    (Gimp.Resource, Gimp.Resource.get_name),
    (Gimp.Unit, Gimp.Unit.get_id),
    (GLib.Bytes, GLib.Bytes.get_data),
    (GObject.GEnum, enums.old_number),
    (bool, int),
)


def shape(parts: list[tuple[Any, ...]]) -> Any:
    """None, the one value, or a tuple of all."""
    flat = tuple(value for part in parts for value in part)
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else flat
