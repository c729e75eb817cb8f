"""Builtins that a translated script finds: Python 2's own, and what its `python2_expressions` call."""

from __future__ import annotations

import builtins
import functools
import io
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

from . import python2_expressions
from .byte_string import ByteString, to_bytes
from .python2_expressions import py2_cmp, py2_sorted


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


class Stream:
    """A file around Python's own, which gives text or bytes as Python 2 did."""

    _file: Any

    def _out(self, data: Any) -> Any:
        return ByteString(data) if isinstance(data, bytes) else data

    def read(self, *size: int) -> Any:
        """Read all, or as much as is asked for."""
        return self._out(self._file.read(*size))

    def readline(self, *size: int) -> Any:
        """Read a line."""
        return self._out(self._file.readline(*size))

    def readlines(self, *size: int) -> list[Any]:
        """Read all lines."""
        return [self._out(line) for line in self._file.readlines(*size)]

    xreadlines = readlines

    def next(self) -> Any:
        """Return the next line."""
        return self._out(next(self._file))

    __next__ = next

    def __iter__(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *fault: Any) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class File(Stream):
    """A file as Python 2's ``open`` gave it: both text and bytes can be written to either kind."""

    def __init__(self, name: Any, mode: str = "r", buffering: int = -1):
        mode = mode.replace("U", "") or "r"
        if mode[0] not in "rwax":
            mode = "r" + mode
        self._binary = "b" in mode
        how: dict[str, Any] = {} if self._binary else {"encoding": "utf-8", "errors": "surrogateescape"}
        size = buffering if buffering > 1 or (buffering == 1 and not self._binary) else -1
        self._file = open(name, mode, size, **how)  # noqa: SIM115 - it is what a script closes
        self.name, self.mode = name, mode
        self.softspace = 0

    def write(self, data: Any) -> int:
        """Write text or bytes, whatever the file's mode."""
        if self._binary:
            return int(self._file.write(to_bytes(data)))
        return int(self._file.write(str(ByteString(data)) if isinstance(data, bytes) else str(data)))

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)


class _FileType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (File, io.IOBase))


class file(metaclass=_FileType):  # noqa: N801
    """Python 2's ``file``: opens, and is the type of whatever `open` gave."""

    def __new__(cls, *args: Any) -> Any:
        """Open a file."""
        return File(*args)


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


def _execfile(name: str, names: dict[str, Any] | None = None, local: dict[str, Any] | None = None) -> None:
    from . import translate

    here = sys._getframe(1).f_globals
    with open(name, "rb") as opened:
        code = translate.to_code(translate.decode(opened.read()), name)
    exec(code, here if names is None else names, local)


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
