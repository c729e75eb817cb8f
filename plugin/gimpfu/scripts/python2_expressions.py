"""What a translated script's expressions call, for which `translate` puts it: Python 2's meaning of them."""

from __future__ import annotations

import codecs
import contextlib
import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

from .byte_string import ByteString, to_bytes

_BINARY_CODECS = {"hex", "base64", "zlib", "bz2", "rot13", "rot_13", "uu", "quopri"}
_ESCAPES = {"string_escape": "unicode_escape", "string-escape": "unicode_escape"}


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


def join(separator: Any, *args: Any, **named: Any) -> Any:
    """Join text and bytes as Python 2's ``separator.join`` did; what has another ``join`` is asked for it."""
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


def _next(value: Any, *args: Any, **named: Any) -> Any:
    return value.next(*args, **named) if hasattr(value, "next") else next(value)


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


NAMES: dict[str, Any] = {
    "__divide2__": divide,
    "__Divisor2__": _divisor,
    "__decode2__": _decode,
    "__encode2__": _encode,
    "__join2__": join,
    "__next2__": _next,
    "__sort2__": _sort,
    "__tostring2__": _tostring,
    "__fromstring2__": _fromstring,
    "__message2__": _message,
    "__less2__": _ordered(operator.lt, lambda way: way < 0),
    "__at_most2__": _ordered(operator.le, lambda way: way <= 0),
    "__more2__": _ordered(operator.gt, lambda way: way > 0),
    "__at_least2__": _ordered(operator.ge, lambda way: way >= 0),
}
