"""From ``PF_*`` parameters to GIMP 3's procedure arguments, and from their values back.

Each kind has one function that declares the argument and, where GIMP's value is not what
a gimpfu script expects (choices, colours, files, resources), one that converts it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, Gio, GObject

from . import colour
from .constants import *  # noqa: F403
from .registry import Param, Result

READWRITE = GObject.ParamFlags.READWRITE
_INT_RANGE = (-(2**31), 2**31 - 1)
_INTS = (PF_INT32, PF_INT16, PF_INT8)
_RESOURCES = {
    PF_FONT: "font",
    PF_BRUSH: "brush",
    PF_PATTERN: "pattern",
    PF_GRADIENT: "gradient",
    PF_PALETTE: "palette",
}
_OBJECTS = {
    PF_IMAGE: "image",
    PF_LAYER: "layer",
    PF_DRAWABLE: "drawable",
    PF_CHANNEL: "channel",
    PF_VECTORS: "path",
    PF_ITEM: "item",
    PF_DISPLAY: "display",
}


# What comes first of an image, for each kind of object.
_CURRENT: dict[int, Callable[[Gimp.Image], list[Any]]] = {
    PF_IMAGE: lambda image: [image],
    PF_LAYER: lambda image: [*image.get_selected_layers(), *image.get_layers()],
    PF_CHANNEL: lambda image: [*image.get_selected_channels(), *image.get_channels()],
    PF_VECTORS: lambda image: [*image.get_selected_paths(), *image.get_paths()],
    **dict.fromkeys(
        (PF_DRAWABLE, PF_ITEM), lambda image: [*image.get_selected_drawables(), *image.get_layers()]
    ),
}


def add(procedure: Gimp.Procedure, param: Param) -> None:
    """Declare `param` as an argument of `procedure`."""
    head = (param.key, param.nick, param.label)
    if param.kind in _INTS:
        procedure.add_int_argument(*head, *_INT_RANGE, _int(param.default), READWRITE)
    elif param.kind in _OBJECTS:
        declare = getattr(procedure, f"add_{_OBJECTS[param.kind]}_argument")
        declare(*head, True, READWRITE)
    elif param.kind in _RESOURCES:
        declare = getattr(procedure, f"add_{_RESOURCES[param.kind]}_argument")
        declare(*head, True, None, not param.default, READWRITE)  # no name: the current one, as in GIMP 2
    else:
        _ADD.get(param.kind, _add_string)(procedure, head, param)


def add_run_mode(procedure: Gimp.Procedure) -> None:
    """Declare the run mode, which GIMP does itself only for procedures on images."""
    head = ("run-mode", "Run mode", "The run mode")
    procedure.add_enum_argument(*head, Gimp.RunMode, Gimp.RunMode.NONINTERACTIVE, READWRITE)


def add_result(procedure: Gimp.Procedure, result: Result) -> None:
    """Declare one of ``register``'s results as a return value."""
    head = (result.name, result.name, result.description or result.name)
    if result.kind in _INTS:
        procedure.add_int_return_value(*head, *_INT_RANGE, 0, READWRITE)
    elif result.kind in (PF_FLOAT, PF_SLIDER, PF_SPINNER):
        procedure.add_double_return_value(*head, -GObject.G_MAXDOUBLE, GObject.G_MAXDOUBLE, 0.0, READWRITE)
    elif result.kind == PF_TOGGLE:
        procedure.add_boolean_return_value(*head, False, READWRITE)
    elif result.kind == PF_COLOR:
        procedure.add_color_return_value(*head, True, colour.to_gegl((0, 0, 0)), READWRITE)
    elif result.kind in _OBJECTS:
        getattr(procedure, f"add_{_OBJECTS[result.kind]}_return_value")(*head, True, READWRITE)
    else:
        procedure.add_string_return_value(*head, "", READWRITE)


def value(param: Param, config: Gimp.ProcedureConfig, spun: bool = False) -> Any:
    """Return what the script gets for `param`: the type that gimpfu would have passed.

    spun: a spinner's whole number is a float, as it came from GIMP 2's dialog.
    """
    native = config.get_property(param.key)
    if spun and param.kind == PF_SPINNER:
        return float(native)
    if param.kind in _RESOURCES:
        return native.get_name() if native is not None else (param.default or "")
    convert = _VALUE.get(param.kind)
    return convert(param, native) if convert else native


def remember(config: Gimp.ProcedureConfig, asked: tuple[Param, ...], chosen: dict[str, Any]) -> None:
    """Put what a script's own dialog chose, by the parameters' names, where GIMP keeps the last values."""
    for param in asked:
        if param.name in chosen:
            given = chosen[param.name]
            if param.kind in (PF_RADIO, PF_OPTION):
                given = next(nick for nick, _, _, own in choices(param) if own == given)
            elif param.kind in (PF_FILE, PF_FILENAME, PF_DIRNAME):
                given = Gio.File.new_for_path(given) if given else None
            elif param.kind == PF_COLOR:
                given = colour.to_gegl(given)
            config.set_property(param.key, given)


def restore_colours(config: Gimp.ProcedureConfig, asked: tuple[Param, ...]) -> None:
    """Give colours that were left out their declared defaults.

    GIMP 3.0 does not pass a colour's default on to callers: it arrives as transparent
    black, whatever was declared (true of GIMP's own plug-ins, too).
    """
    for param in asked:
        if param.kind == PF_COLOR and param.default is not None:
            given = config.get_property(param.key)
            if given is None or colour.from_gegl(given) == colour.RGB(0.0, 0.0, 0.0, 0.0):
                config.set_property(param.key, colour.to_gegl(param.default))


def fill_in(config: Gimp.ProcedureConfig, asked: tuple[Param, ...], image: Gimp.Image | None) -> None:
    """Give objects that nobody chose what the user works at, as GIMP 2's dialogs did.

    image: the one that the procedure was called on, None for the newest.
    """
    image = image or max(Gimp.get_images(), key=Gimp.Image.get_id, default=None)
    for param in asked:
        find = _CURRENT.get(param.kind)
        if find and image is not None and config.get_property(param.key) is None:
            config.set_property(param.key, next(iter(find(image)), None))


def choices(param: Param) -> list[tuple[str, int, str, Any]]:
    """(nick, number, label, value for the script) of a PF_RADIO's or PF_OPTION's choices.

    The nick is what GIMP stores and what a batch command gives: the value itself where it
    is a plain word, otherwise the label's words. The number is the value where it is whole.
    """
    if param.kind == PF_OPTION:
        pairs = [(label, index) for index, label in enumerate(param.extra)]
    else:
        pairs = [(label, chosen) for label, chosen in param.extra]
    whole = all(isinstance(chosen, int) for _, chosen in pairs)
    found: list[tuple[str, int, str, Any]] = []
    for index, (label, chosen) in enumerate(pairs):
        nick = _nick(chosen if isinstance(chosen, str) else label) or f"option-{index}"
        if any(nick == other[0] for other in found):
            nick = f"{nick}-{index}"
        found.append((nick, int(chosen) if whole else index, label.replace("_", ""), chosen))
    return found


def _nick(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()


def _int(default: Any) -> int:
    """Scripts gave numbers as text, too."""
    return int(float(default)) if default not in (None, "") else 0


def _float(default: Any) -> float:
    return float(default) if default not in (None, "") else 0.0


def _range(param: Param) -> tuple[float, float]:
    if len(param.extra) >= 2:
        return float(param.extra[0]), float(param.extra[1])
    return -1e9, 1e9


def _is_whole(param: Param) -> bool:
    """Whether a spinner counts in whole numbers: then its script wants an int."""
    numbers = (*param.extra[:3], param.default)
    return all(float(number).is_integer() for number in numbers if number is not None)


def _add_number(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    low, high = _range(param)
    default = min(max(_float(param.default), low), high)
    if param.kind == PF_SPINNER and _is_whole(param):
        low, high, default = (
            min(max(int(one), _INT_RANGE[0]), _INT_RANGE[1]) for one in (low, high, default)
        )
        procedure.add_int_argument(*head, low, high, default, READWRITE)
    else:
        procedure.add_double_argument(*head, low, high, default, READWRITE)


def _add_toggle(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    procedure.add_boolean_argument(*head, bool(_int(param.default)), READWRITE)


def _add_choice(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    offered = choices(param)
    choice = Gimp.Choice.new()
    for nick, number, label, _ in offered:
        choice.add(nick, number, label, "")
    default = next((nick for nick, _, _, chosen in offered if chosen == param.default), offered[0][0])
    procedure.add_choice_argument(*head, choice, default, READWRITE)


def _add_color(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    default = colour.to_gegl(param.default if param.default is not None else (0, 0, 0))
    procedure.add_color_argument(*head, True, default, READWRITE)


def _add_file(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    folder = param.kind == PF_DIRNAME
    # GIMP refuses a path that does not exist where it wants one to open; scripts name new files, too.
    action = Gimp.FileChooserAction.SELECT_FOLDER if folder else Gimp.FileChooserAction.ANY
    exists = os.path.isdir if folder else os.path.isfile
    default = Gio.File.new_for_path(param.default) if exists(param.default or "") else None
    procedure.add_file_argument(*head, action, True, default, READWRITE)


def _add_string(procedure: Gimp.Procedure, head: tuple[str, str, str], param: Param) -> None:
    procedure.add_string_argument(*head, "" if param.default is None else str(param.default), READWRITE)


def _chosen(param: Param, nick: str) -> Any:
    return next((chosen for own, _, _, chosen in choices(param) if own == nick), param.default)


def _path(param: Param, file: Gio.File | None) -> str:
    if file is None:
        return param.default or ""
    return str(file.get_path() or file.get_uri())


_ADD: dict[int, Callable[[Gimp.Procedure, tuple[str, str, str], Param], None]] = {
    PF_FLOAT: _add_number,
    PF_SLIDER: _add_number,
    PF_SPINNER: _add_number,
    PF_TOGGLE: _add_toggle,
    PF_RADIO: _add_choice,
    PF_OPTION: _add_choice,
    PF_COLOR: _add_color,
    PF_FILE: _add_file,
    PF_FILENAME: _add_file,
    PF_DIRNAME: _add_file,
}

_VALUE: dict[int, Callable[[Param, Any], Any]] = {
    PF_STRING: lambda param, text: text or "",
    PF_TEXT: lambda param, text: text or "",
    PF_RADIO: _chosen,
    PF_OPTION: _chosen,
    PF_COLOR: lambda param, native: colour.from_gegl(native) if native else colour.parse((0, 0, 0)),
    PF_FILE: _path,
    PF_FILENAME: _path,
    PF_DIRNAME: _path,
}
