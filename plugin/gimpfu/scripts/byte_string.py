"""Python 2's ``str``, which was bytes and text in one.

Here text is ``str``; bytes that come from files, ``struct`` or pixels are `ByteString`, whose items are bytes
of length one and which mixes with text by Latin-1, so that ``ord(data[0])``, ``"".join(...)`` and
``data + "x"`` work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class ByteString(bytes):
    """Bytes as a Python 2 string: items are bytes of length one; text joins in by Latin-1."""

    def __getitem__(self, index: Any) -> Any:
        part = bytes.__getitem__(self, index)
        return ByteString([part]) if isinstance(part, int) else ByteString(part)

    def __iter__(self) -> Iterator[Any]:
        return (ByteString([number]) for number in bytes.__iter__(self))

    def __add__(self, other: Any) -> Any:
        return ByteString(bytes(self) + to_bytes(other))

    def __radd__(self, other: Any) -> Any:
        return ByteString(to_bytes(other) + bytes(self))

    def __mul__(self, count: Any) -> Any:
        return ByteString(bytes.__mul__(self, count))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return bytes.__eq__(self, to_bytes(other) if isinstance(other, str) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.decode("latin-1"))

    def __contains__(self, part: Any) -> bool:
        return bytes.__contains__(self, to_bytes(part) if isinstance(part, str) else part)

    def __str__(self) -> str:
        try:
            return bytes(self).decode("utf-8")
        except UnicodeDecodeError:
            return bytes(self).decode("latin-1")

    def __mod__(self, values: Any) -> Any:
        text: Any = str(self)
        return text % values

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def taking_text(native: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function or method of bytes that takes text, too, and gives Python 2's strings."""

    def call(*args: Any, **named: Any) -> Any:
        return _strings(native(*map(_coded, args), **named))

    return call


def _coded(given: Any) -> Any:
    """Return text as bytes, also that in a tuple, of which ``startswith`` takes any."""
    if type(given) is tuple:
        return tuple(map(_coded, given))
    return to_bytes(given) if isinstance(given, str) else given


def _strings(found: Any) -> Any:
    """Return bytes as Python 2's strings, also those in a list or tuple."""
    if type(found) in (list, tuple):
        return type(found)(map(_strings, found))
    return ByteString(found) if isinstance(found, bytes) else found


_METHODS = (
    "split rsplit strip lstrip rstrip replace startswith endswith find rfind index count partition rpartition"
    " splitlines lower upper ljust rjust center zfill title capitalize swapcase"
)
for _name in _METHODS.split():
    setattr(ByteString, _name, taking_text(getattr(bytes, _name)))


def to_bytes(value: Any) -> bytes:
    """Return bytes: text by Latin-1 where its characters allow, otherwise by UTF-8."""
    if isinstance(value, str):
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            return value.encode("utf-8")
    return bytes(value)
