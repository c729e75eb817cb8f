"""Modules of Python 2 that work on data: there it was strings, in Python 3 it is bytes."""

from __future__ import annotations

import array
import importlib
import struct
import types
from collections.abc import Callable
from typing import Any

from .byte_string import ByteString, taking_text, to_bytes
from .made_modules import copied, module


class Array(array.array):  # type: ignore[type-arg]
    """With the methods that were renamed, and letters for kind ``c``."""

    def __new__(cls, kind: str, values: Any = ()) -> Any:
        """Make an array of numbers, letters or bytes."""
        if isinstance(values, (str, bytes)):
            values = to_bytes(values)
        elif kind not in "fdu":
            values = [ord(item) if isinstance(item, (str, bytes)) else int(item) for item in values]
        return super().__new__(cls, "B" if kind == "c" else kind, values)

    def tostring(self) -> Any:
        """Return the items' bytes."""
        return ByteString(self.tobytes())

    def fromstring(self, data: Any) -> None:
        """Append items, given as bytes."""
        self.frombytes(to_bytes(data))

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Array(self.typecode, part) if isinstance(index, slice) else part

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice) and not isinstance(value, array.array):
            value = array.array(self.typecode, value)
        elif isinstance(value, float) and self.typecode not in "fd":
            value = int(value)
        super().__setitem__(index, value)


def _pack(form: Any, *values: Any) -> Any:
    pack = taking_text(struct.pack)
    try:
        return pack(form, *values)
    except struct.error:  # Python 2 took fractions where it wanted whole numbers
        return pack(form, *map(whole, values))


def whole(value: Any) -> Any:
    """Return a fraction as a whole number, other things as they are."""
    return int(value) if isinstance(value, float) else value


def _pickle() -> types.ModuleType:
    import pickle

    def binary(file: Any) -> Any:
        raw = getattr(file, "_file", file)
        return getattr(raw, "buffer", raw)

    return copied(
        "cPickle",
        "pickle",
        load=lambda file: pickle.load(binary(file), encoding="latin-1"),
        dump=lambda value, file, protocol=0: binary(file).write(pickle.dumps(value, protocol)),
        loads=lambda data: pickle.loads(to_bytes(data), encoding="latin-1"),
        dumps=lambda value, protocol=0: ByteString(pickle.dumps(value, protocol)),
    )


def _on_strings(name: str) -> Callable[[], types.ModuleType]:
    """Return a module whose functions take text for bytes and give Python 2's strings."""

    def make() -> types.ModuleType:
        native = vars(importlib.import_module(name)).items()
        functions = {key: taking_text(one) for key, one in native if callable(one) and type(one) is not type}
        renamed = {"encodestring": "encodebytes", "decodestring": "decodebytes"}
        return copied(
            name, **functions, **{old: functions[new] for old, new in renamed.items() if new in functions}
        )

    return make


def _csv() -> types.ModuleType:
    """Readers take files that were opened as binary, as Python 2 wanted."""
    import csv

    def lines(rows: Any) -> Any:
        return (str(ByteString(row)) if isinstance(row, bytes) else row for row in rows)

    class DictReader(csv.DictReader):  # type: ignore[type-arg]
        def __init__(self, rows: Any, *args: Any, **named: Any):
            super().__init__(lines(rows), *args, **named)

    def reader(rows: Any, *args: Any, **named: Any) -> Any:
        return csv.reader(lines(rows), *args, **named)

    return copied("csv", reader=reader, DictReader=DictReader)


def _hash(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        import hashlib

        new = taking_text(getattr(hashlib, {"sha": "sha1"}.get(name, name)))
        return module(name, **{"new": new, name: new})

    return make


def _hashlib() -> types.ModuleType:
    import hashlib

    kinds = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    return copied("hashlib", **{kind: taking_text(getattr(hashlib, kind)) for kind in kinds})


MAKERS: dict[str, Callable[[], types.ModuleType]] = {
    "array": lambda: copied("array", array=Array, ArrayType=Array),
    **dict.fromkeys(("cPickle", "pickle"), _pickle),
    "hashlib": _hashlib,
    **{name: _hash(name) for name in ("md5", "sha")},
    "struct": lambda: copied("struct", pack=_pack, unpack=taking_text(struct.unpack)),
}
# Those that a script in Python 3 has otherwise.
MAKERS_2: dict[str, Callable[[], types.ModuleType]] = {
    **{name: _on_strings(name) for name in ("base64", "binascii", "zlib")},
    "csv": _csv,
}
