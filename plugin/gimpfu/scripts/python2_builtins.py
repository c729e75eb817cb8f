"""Builtins that a translated script finds: Python 2's own, and what its `python2_expressions` call."""

from __future__ import annotations
import __future__

import builtins
import functools
import math
import sys
import types
from collections.abc import Callable
from typing import Any

from . import PYTHON_2, python2_expressions
from .byte_string import ByteString
from .python2_expressions import py2_cmp, py2_sorted
from .python2_files import File, file


class _Text(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, (str, bytes)) if cls.__name__ == "basestring" else isinstance(instance, str)
        )

    def __subclasscheck__(cls, other: type) -> bool:
        return other in (str, bytes, ByteString) or type.__subclasscheck__(cls, other)


class basestring(metaclass=_Text):  # noqa: N801 - Python 2's own name
    """Text or bytes, for ``isinstance``."""


class unicode(metaclass=_Text):  # noqa: N801
    """Text; a call makes some, of bytes in an encoding or of anything."""

    def __new__(cls, value: Any = "", encoding: str = "utf-8", errors: str = "strict") -> Any:
        """Decode bytes, else make text of anything."""
        if isinstance(value, bytes):
            return bytes(value).decode(encoding, errors)
        return str(value)


class _Long(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, int)


class long(metaclass=_Long):  # noqa: N801
    """Python 2's ``long``, which is `int` now."""

    def __new__(cls, *args: Any) -> Any:
        """Return an `int`."""
        return int(*args)


def _open(name: Any, mode: str = "r", buffering: int = -1, **named: Any) -> Any:
    if named or isinstance(name, int):
        return open(name, mode, buffering, **named)
    return File(name, mode, buffering)


def _map(function: Any, *sequences: Any) -> list[Any]:
    if len(sequences) == 1:
        return list(sequences[0]) if function is None else [function(item) for item in sequences[0]]
    from itertools import zip_longest

    rows = zip_longest(*sequences)
    return [row if function is None else function(*row) for row in rows]


def _filter(function: Any, sequence: Any) -> Any:
    kept = [item for item in sequence if (item if function is None else function(item))]
    if isinstance(sequence, str):
        return "".join(kept)
    return tuple(kept) if isinstance(sequence, tuple) else kept


def _xrange(*args: Any) -> range:
    return range(*map(int, args))


def _round(number: float, digits: int = 0) -> float:
    """Halves go away from zero, and the result is a float."""
    scale = 10.0**digits
    scaled = abs(float(number)) * scale
    whole = math.floor(scaled + 0.5)
    return math.copysign(whole / scale, number)


def _execfile(name: str, names: dict[str, Any] | None = None, local: Any = None) -> None:
    from . import translate

    frame = sys._getframe(1)
    with open(name, "rb") as opened:
        text = translate.decode(opened.read())
    _run(translate.to_code(text, name, "exec", _divides_truly(frame)), frame, names, local)


def _exec(source: Any, names: dict[str, Any] | None = None, local: Any = None) -> None:
    frame = sys._getframe(1)
    _run(_code_of(source, "exec", frame), frame, names, local)


def _eval(source: Any, names: dict[str, Any] | None = None, local: Any = None) -> Any:
    frame = sys._getframe(1)
    return eval(_code_of(source, "eval", frame), *_namespaces(frame, names, local))


def _run(code: Any, frame: Any, names: dict[str, Any] | None, local: Any) -> None:
    marked = names is None or PYTHON_2 in names
    exec(code, *_namespaces(frame, names, local))
    if names is not None and not marked:
        names.pop(PYTHON_2, None)  # a script that reads its settings so looks at all names


def _namespaces(frame: Any, names: dict[str, Any] | None, local: Any) -> tuple[dict[str, Any], Any]:
    """Return where code runs: in the caller's names, or in those given, which get the caller's builtins.

    Where they bring others along, few or none, as one who evaluates formulas does, what translated code calls
    is added.
    """
    if names is None:
        return frame.f_globals, frame.f_locals if local is None else local
    own = names.setdefault("__builtins__", frame.f_builtins)
    if own is not frame.f_builtins and PYTHON_2 in frame.f_globals:
        few = vars(own) if isinstance(own, types.ModuleType) else own or {}
        names["__builtins__"] = {**python2_expressions.NAMES, **few}
    return names, names if local is None else local


def _code_of(source: Any, mode: str, frame: Any) -> Any:
    """Return the code of text in a script of Python 2; anything else as it is. Raises SyntaxError."""
    if not isinstance(source, (str, bytes)) or PYTHON_2 not in frame.f_globals:
        return source
    text = str(ByteString(source)) if isinstance(source, bytes) else source
    return _translated(text, mode, _divides_truly(frame))


def _divides_truly(frame: Any) -> bool:
    """Whether a frame's module asked for Python 3's division, which text has of whoever runs it."""
    return frame.f_globals.get("division") is __future__.division


@functools.lru_cache(256)
def _translated(text: str, mode: str, true_division: bool) -> Any:
    from . import translate

    try:
        return translate.to_code(
            f"{text.strip() if mode == 'eval' else text}\n", "<string>", mode, true_division
        )
    except translate.Untranslatable as fault:
        raise SyntaxError(str(fault)) from None


def _ord(character: Any) -> int:
    if isinstance(character, int):
        return character  # an item of Python 3's bytes
    return builtins.ord(character)


def _raw_input(prompt: str = "") -> str:
    raise EOFError("a script in GIMP has no console to be typed into")


def _extreme(native: Any, *args: Any, **named: Any) -> Any:
    try:
        return native(*args, **named)
    except TypeError:
        if named or not args:
            raise
        return native(args[0] if len(args) == 1 else args, key=functools.cmp_to_key(py2_cmp))


def _reload(module: Any) -> Any:
    import importlib

    return module if module is sys else importlib.reload(module)


_NAMES = {
    "apply": lambda function, args=(), named=None: function(*args, **(named or {})),
    "basestring": basestring,
    "buffer": memoryview,
    "cmp": py2_cmp,
    "coerce": lambda a, b: (a + 0 * b, b + 0 * a),
    "eval": _eval,
    "exec": _exec,
    "execfile": _execfile,
    "file": file,
    "filter": _filter,
    "intern": sys.intern,
    "long": long,
    "map": _map,
    "max": functools.partial(_extreme, max),
    "min": functools.partial(_extreme, min),
    "open": _open,
    "ord": _ord,
    "range": lambda *args: list(_xrange(*args)),
    "raw_input": _raw_input,
    "reduce": functools.reduce,
    "reload": _reload,
    "round": _round,
    "sorted": py2_sorted,
    "StandardError": Exception,
    "unichr": chr,
    "unicode": unicode,
    "xrange": _xrange,
    "zip": lambda *sequences: list(zip(*sequences, strict=False)),
}


def names(importer: Callable[..., Any]) -> dict[str, Any]:
    """Return the ``__builtins__`` of a script; `importer` is its ``__import__``."""
    # gettext.install adds to the first.
    return {**vars(builtins), **python2_expressions.NAMES, **_NAMES, "__import__": importer}
