"""Files as Python 2 had them, on disk and in memory: text and bytes can be written to either kind."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from .byte_string import ByteString, to_bytes


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


class StringIO(Stream):
    """Text or bytes in memory."""

    def __init__(self, value: Any = ""):
        self._file = io.BytesIO(to_bytes(value))
        self._bytes = isinstance(value, bytes)

    def _out(self, data: bytes) -> Any:
        return ByteString(data) if self._bytes else str(ByteString(data))

    def write(self, data: Any) -> None:
        """Write text or bytes."""
        self._bytes |= isinstance(data, bytes)
        self._file.write(bytes(data) if isinstance(data, bytes) else data.encode("utf-8"))

    def getvalue(self) -> Any:
        """Return everything that was written."""
        return self._out(self._file.getvalue())
