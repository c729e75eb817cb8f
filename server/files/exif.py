"""EXIF blocks: directories of tags as TIFF lays them out, read and written without interpreting them.

JPEG and PNG carry such a block, a TIFF file is one. Values are kept as the bytes that stood
there, so nothing is rounded or re-encoded; only the directories' places change.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

ORIENTATION, EXIF, GPS, INTEROPERABILITY = 274, 34665, 34853, 40965
SHORT, LONG = 3, 4
Order = Literal["<", ">"]
_DIRECTORIES = (EXIF, GPS, INTEROPERABILITY)
_DEEPEST = 2  # EXIF's directory in the first one, and interoperability's in that
MAX_ENTRIES = 8192  # of one file; cameras write some hundreds
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_POINTERS = {16: 8, 18: 8}
_POINTERS = (LONG, 13, *_BIG_POINTERS)
_CLASSIC, _BIG = (b"II*\0", b"MM\0*"), (b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Entry:
    """One tag: its value's bytes in the block's byte order, or the directory it points to."""

    code: int
    type: int
    count: int
    value: bytes | tuple[Entry, ...]


@dataclass(frozen=True)
class Block:
    """The first directory of a block, in byte order `order` (``<`` or ``>``)."""

    order: Order
    entries: tuple[Entry, ...]

    @property
    def orientation(self) -> int:
        """1..8; 1 if the block does not say or says nonsense."""
        for entry in self.entries:
            if entry.code != ORIENTATION or entry.type != SHORT or not isinstance(entry.value, bytes):
                continue
            value = int.from_bytes(entry.value[:2], "little" if self.order == "<" else "big")
            return value if 1 <= value <= 8 else 1
        return 1

    def only(self, wanted: Callable[[int], bool]) -> Block:
        """Return the block with those tags of its first directory for which `wanted(code)` holds."""
        return replace(self, entries=tuple(entry for entry in self.entries if wanted(entry.code)))

    def turned(self, orientation: int) -> Block:
        """Return the block with another orientation, if it has one at all."""
        value = struct.pack(self.order + "H", orientation)
        return replace(
            self,
            entries=tuple(
                Entry(ORIENTATION, SHORT, 1, value) if entry.code == ORIENTATION else entry
                for entry in self.entries
            ),
        )

    def coded(self) -> bytes:
        """Return the whole block with its header."""
        mark = b"II" if self.order == "<" else b"MM"
        return mark + struct.pack(self.order + "HI", 42, 8) + serialise(self.entries, self.order, 8)


def parse(data: bytes | None) -> Block | None:
    """Read the block of an EXIF segment or a TIFF file; None if there is none or it is broken."""
    try:
        return strict(data) if data else None
    except (struct.error, ValueError, OverflowError):
        return None


def strict(data: bytes) -> Block:
    """Read the block. Raises `ValueError`, `OverflowError` or `struct.error` for anything but a sound one."""
    order, big, start = _head(data)
    return Block(order, _Reader(data, order, big).directory(start))


def chain(data: bytes, most: int) -> list[tuple[Entry, ...]]:
    """Read the first `most` directories of a TIFF file, each linked to by the one before it, on one budget.

    Raises as `strict`; a chain that comes back to itself is a `ValueError` too.
    """
    order, big, start = _head(data)
    reader = _Reader(data, order, big)
    found: list[tuple[Entry, ...]] = []
    while start and len(found) < most:
        found.append(reader.directory(start))
        start = reader.following(start)
    return found


def directory(data: bytes, order: Order, start: int) -> tuple[Entry, ...]:
    """Read the classic directory at `start` and those inside it. Raises as `strict`."""
    return _Reader(data, order, False).directory(start)


def _head(data: bytes) -> tuple[Order, bool, int]:
    if data[:4] not in (*_CLASSIC, *_BIG):
        raise ValueError("no directory of tags")
    order: Order = "<" if data[:2] == b"II" else ">"
    big = data[:4] in _BIG
    start = struct.unpack_from(order + "Q", data, 8) if big else struct.unpack_from(order + "I", data, 4)
    return order, big, start[0]


class OverBudget(ValueError):
    """The directories hold more than a file of this size can: they overlap, or point to each other."""


class _Reader:
    """Reads directories of one block on one budget.

    Tags in a sound file lie side by side. A hostile one lets hundreds of directories share the same bytes,
    so that 15 KB unfold to gigabytes; hence no directory is read twice, and all tags together are no more,
    and hold no more bytes, than there is room for in the file.
    """

    def __init__(self, data: bytes, order: Order, big: bool):
        self._data, self._order, self._big = data, order, big
        amount, head, offset = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
        self._amount, self._head, self._offset = order + amount, order + head, order + offset
        self._width = struct.calcsize(self._offset)
        self._step = struct.calcsize(self._head) + self._width
        self._entries_left = min(MAX_ENTRIES, len(data) // self._step)
        self._bytes_left = len(data)
        self._seen: set[int] = set()

    def following(self, start: int) -> int:
        """Tell where the directory behind the one at `start` is; 0 if that is the last."""
        count = struct.unpack_from(self._amount, self._data, start)[0]
        link = start + struct.calcsize(self._amount) + self._step * count
        return int(struct.unpack_from(self._offset, self._data, link)[0])

    def directory(self, start: int, depth: int = 0) -> tuple[Entry, ...]:
        """Read the tags of the directory at `start`, those of the directories in it among them."""
        if depth > _DEEPEST or start in self._seen:
            raise ValueError("directories in a circle, or too deep")
        self._seen.add(start)
        entries = []
        first = start + struct.calcsize(self._amount)
        for index in range(struct.unpack_from(self._amount, self._data, start)[0]):
            entry = self._entry(first + self._step * index, depth)
            if entry is not None:
                entries.append(entry)
        return tuple(entries)

    def _entry(self, at: int, depth: int) -> Entry | None:
        """Read one tag; None for one that is broken: the others stay."""
        code, kind, count = struct.unpack_from(self._head, self._data, at)
        size = {**_SIZES, **_BIG_POINTERS}.get(kind, 1) * count
        inline = at + self._step - self._width
        place = inline if size <= self._width else struct.unpack_from(self._offset, self._data, inline)[0]
        sound = place + size <= len(self._data)
        self._entries_left -= 1
        self._bytes_left -= size if sound else 0
        if self._entries_left < 0 or self._bytes_left < 0:
            raise OverBudget("its tags overlap")
        if not sound:
            return None
        value = self._data[place : place + size]
        if code in _DIRECTORIES and count == 1 and kind in _POINTERS:
            inner = struct.unpack(self._order + ("I" if size == 4 else "Q"), value)[0]
            try:
                return Entry(code, LONG, 1, self.directory(inner, depth + 1))
            except OverBudget:
                raise
            except (struct.error, ValueError, OverflowError):
                return None
        # BigTIFF's own types serve it alone.
        return Entry(code, kind, count, value) if kind in _SIZES else None


def serialise(entries: Iterable[Entry], order: str, offset: int) -> bytes:
    """Lay out a directory as it stands at `offset` of its file, values and inner directories behind it."""
    entries = sorted(entries, key=lambda entry: entry.code)
    place = offset + 2 + 12 * len(entries) + 4
    parts, behind = [struct.pack(order + "H", len(entries))], []
    for entry in entries:
        value = entry.value
        if isinstance(value, bytes) and len(value) <= 4:
            field, tail = value.ljust(4, b"\0"), b""
        else:
            field = struct.pack(order + "I", place)
            tail = serialise(value, order, place) if isinstance(value, tuple) else value
            tail += b"\0" * (len(tail) % 2)
        parts += [struct.pack(order + "HHI", entry.code, entry.type, entry.count), field]
        behind.append(tail)
        place += len(tail)
    return b"".join([*parts, bytes(4), *behind])
