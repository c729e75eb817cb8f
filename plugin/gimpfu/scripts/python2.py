"""Builtins that a translated script finds: Python 2's own, and the helpers that `translate` calls."""

from __future__ import annotations

import builtins
import codecs
import contextlib
import functools
import io
import math
import operator
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .byte_string import ByteString, to_bytes

_BINARY_CODECS = {"hex", "base64", "zlib", "bz2", "rot13", "rot_13", "uu", "quopri"}
_ESCAPES = {"string_escape": "unicode_escape", "string-escape": "unicode_escape"}


# What `translate` calls.


def divide(left: Any, right: Any) -> Any:
    """Python 2's ``/``: two whole numbers give a whole number, rounded down."""
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    for owner, other, name in ((left, right, "__div__"), (right, left, "__rdiv__")):
        method = getattr(type(owner), name, None)
        if method is not None:
            return method(owner, other)
    return left / right


class Divisor:
    """The right side of ``/=``: whatever is left of it is divided as in Python 2."""

    def __init__(self, value: Any):
        self.value = value

    def __rtruediv__(self, left: Any) -> Any:
        return divide(left, self.value)


def _divisor(value: Any) -> Any:
    return Divisor(value) if isinstance(value, (int, float)) else value


_coded: Any = codecs.decode  # typed for a few codecs only
_encoded: Any = codecs.encode


def _encoding(args: tuple[Any, ...], named: dict[str, Any]) -> str:
    return str(args[0] if args else named.get("encoding", "ascii")).lower()


def _decode(value: Any, *args: Any, **named: Any) -> Any:
    encoding = _encoding(args, named)
    if not isinstance(value, (str, bytes)):
        return value.decode(*args, **named)
    if encoding in _BINARY_CODECS:
        return ByteString(_coded(to_bytes(value), encoding))
    if isinstance(value, str):
        return _coded(value, _ESCAPES[encoding]) if encoding in _ESCAPES else value
    return bytes(value).decode(*args, **named) if args or named else str(ByteString(value))


def _encode(value: Any, *args: Any, **named: Any) -> Any:
    encoding = _encoding(args, named)
    if not isinstance(value, (str, bytes)):
        return value.encode(*args, **named)
    if encoding in _BINARY_CODECS:
        return _encoded(to_bytes(value), encoding).decode("ascii")
    if isinstance(value, bytes):
        return repr(value)[2:-1] if encoding in _ESCAPES else value
    if encoding in _ESCAPES:
        return value.encode("unicode_escape").decode("ascii")
    errors = args[1] if len(args) > 1 else named.get("errors")
    if encoding == "ascii" and errors:
        return value.encode("ascii", errors).decode("ascii")
    if encoding.replace("-", "").replace("_", "") in ("utf8", "ascii", "latin1"):
        return value  # text stays text: it is encoded where it leaves
    return ByteString(value.encode(*args, **named))


def _join(separator: Any, *args: Any, **named: Any) -> Any:
    if len(args) != 1 or named or not isinstance(separator, (str, bytes)):
        return separator.join(*args, **named)
    parts = list(args[0])
    if any(isinstance(part, (bytes, bytearray)) for part in parts):
        return ByteString(to_bytes(separator).join(to_bytes(part) for part in parts))
    if isinstance(separator, bytes):
        separator = str(ByteString(separator))
    return separator.join(parts)


def _sort(value: Any, *args: Any, **named: Any) -> Any:
    if not isinstance(value, list):
        return value.sort(*args, **named)
    value[:] = py2_sorted(value, *args, **named)
    return None


def py2_sorted(values: Iterable[Any], cmp: Any = None, key: Any = None, reverse: bool = False) -> list[Any]:
    """``sorted`` with Python 2's comparison function; mixed types sort by type."""
    values = list(values)
    if cmp is None:
        with contextlib.suppress(TypeError):
            return sorted(values, key=key, reverse=bool(reverse))
    order = functools.cmp_to_key(py2_cmp if cmp is None else lambda a, b: int(cmp(a, b)))
    return sorted(values, key=(lambda item: order(key(item))) if key else order, reverse=bool(reverse))


def py2_cmp(left: Any, right: Any) -> int:
    """Compare any two values, as Python 2 could."""
    try:
        return int(left > right) - int(left < right)
    except TypeError:
        if isinstance(left, (tuple, list)) and type(left) is type(right):
            ways = (py2_cmp(a, b) for a, b in zip(left, right, strict=False))
            return next((way for way in ways if way), py2_cmp(len(left), len(right)))
        first, second = _rank(left), _rank(right)
        return (first > second) - (first < second)


def _ordered(native: Callable[[Any, Any], Any], accepts: Callable[[int], bool]) -> Callable[[Any, Any], Any]:
    """One of ``<``, ``<=``, ``>``, ``>=`` that compares values of different types, too."""

    def compare(left: Any, right: Any) -> Any:
        try:
            return native(left, right)
        except TypeError:
            return accepts(py2_cmp(left, right))

    return compare


def _rank(value: Any) -> tuple[int, str, int]:
    kind = 0 if value is None else 1 if isinstance(value, (int, float)) else 2
    return kind, type(value).__name__, id(value)


def _tostring(value: Any, *args: Any, **named: Any) -> Any:
    native = getattr(value, "tostring", None) or value.tobytes
    found = native(*args, **named)
    return ByteString(found) if isinstance(found, bytes) else found


def _fromstring(value: Any, *args: Any, **named: Any) -> Any:
    native = getattr(value, "fromstring", None)
    if native is not None:
        return native(*args, **named)
    return value.frombytes(to_bytes(args[0]))


def _message(fault: Any) -> Any:
    return getattr(fault, "message", None) or (fault.args[0] if len(fault.args) == 1 else str(fault))


# Python 2's builtins.


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
    "__divide2__": divide,
    "__Divisor2__": _divisor,
    "__decode2__": _decode,
    "__encode2__": _encode,
    "__join2__": _join,
    "__sort2__": _sort,
    "__tostring2__": _tostring,
    "__fromstring2__": _fromstring,
    "__message2__": _message,
    "__less2__": _ordered(operator.lt, lambda way: way < 0),
    "__at_most2__": _ordered(operator.le, lambda way: way <= 0),
    "__more2__": _ordered(operator.gt, lambda way: way > 0),
    "__at_least2__": _ordered(operator.ge, lambda way: way >= 0),
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
    return {**vars(builtins), **_NAMES, "__import__": importer}  # gettext.install adds to the first
