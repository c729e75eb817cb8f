"""Reads Torch 7's binary files (.t7), the layout in which Oxford published VGG-Face.

Plain numbers, strings, tables and tensors, little-endian with 64-bit sizes; nothing in the file is ever
run. The library for it, torchfile, was last released in 2017, so the subset that is needed is here.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN, FUNCTION, OLD_CLOSURE, CLOSURE = range(9)
DTYPES: Final = {
    "Float": "<f4",
    "Cuda": "<f4",
    "Double": "<f8",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Byte": "u1",
    "Char": "i1",
}


def read(path: Path) -> Any:
    """The object in a file: tables and modules are dicts, tensors arrays; functions are left out as None.

    Raises `ValueError` for a file of another kind or one cut short.
    """
    with path.open("rb") as stream:
        try:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).object()
        except (struct.error, UnicodeDecodeError, RecursionError, TypeError, KeyError) as error:
            raise ValueError("it is not a Torch 7 file, or is cut short") from error


class _Reader:
    def __init__(self, data: mmap.mmap):
        self._data, self._at = data, 0
        self._seen: dict[int, Any] = {}

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return value

    def _bytes(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise ValueError("it is not a Torch 7 file, or is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def _text(self) -> str:
        return self._bytes(self._number("i")).decode("latin-1")

    def object(self) -> Any:
        kind = self._number("i")
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self._number("d")
        if kind == STRING:
            return self._text()
        if kind == BOOLEAN:
            return bool(self._number("i"))
        if kind == FUNCTION:
            return self._function()
        if kind not in (TABLE, TORCH, OLD_CLOSURE, CLOSURE):
            raise ValueError("it is not a Torch 7 file, or is cut short")
        index = self._number("i")
        if index not in self._seen:
            self._seen[index] = None
            if kind == TABLE:
                self._table(index)
            elif kind == TORCH:
                self._torch(index)
            else:
                self._function()
        return self._seen[index]

    def _function(self) -> None:
        self._text()
        self.object()  # what it closes over

    def _table(self, index: int) -> None:
        table = self._seen[index] = {}
        for _ in range(self._number("i")):
            key = self.object()
            table[key] = self.object()

    def _torch(self, index: int) -> None:
        name = self._text()
        if name.startswith("V "):
            name = self._text()
        kind = name.removeprefix("torch.")
        if kind.endswith("Storage"):
            dtype = np.dtype(DTYPES[kind.removesuffix("Storage")])
            self._seen[index] = np.frombuffer(self._bytes(self._number("q") * dtype.itemsize), dtype)
        elif kind.endswith("Tensor"):
            self._seen[index] = self._tensor()
        else:
            self._seen[index] = self.object()

    def _tensor(self) -> np.ndarray:
        depth = self._number("i")
        sizes = [self._number("q") for _ in range(depth)]
        strides = [self._number("q") for _ in range(depth)]
        start = self._number("q") - 1
        storage = self.object()
        if storage is None or not sizes:
            return np.zeros(0, np.float32)
        last = start + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        if start < 0 or min(sizes) < 1 or min(strides) < 0 or last >= len(storage):
            raise ValueError("a tensor in it reaches beyond its data")
        steps = [stride * storage.itemsize for stride in strides]
        return as_strided(storage[start:], sizes, steps, writeable=False).copy()
