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
            if entry.code == ORIENTATION and entry.type == SHORT and isinstance(entry.value, bytes):
                value = int(struct.unpack_from(self.order + "H", entry.value)[0])
                return value if 1 <= value <= 8 else 1
        return 1

    def only(self, wanted: Callable[[int], bool]) -> Block:
        """The block with those tags of its first directory for which `wanted(code)` holds."""
        return replace(self, entries=tuple(entry for entry in self.entries if wanted(entry.code)))

    def turned(self, orientation: int) -> Block:
        """The block with another orientation, if it has one at all."""
        value = struct.pack(self.order + "H", orientation)
        return replace(
            self,
            entries=tuple(
                Entry(ORIENTATION, SHORT, 1, value) if entry.code == ORIENTATION else entry
                for entry in self.entries
            ),
        )

    def coded(self) -> bytes:
        """The whole block with its header."""
        mark = b"II" if self.order == "<" else b"MM"
        return mark + struct.pack(self.order + "HI", 42, 8) + serialise(self.entries, self.order, 8)


def parse(data: bytes | None) -> Block | None:
    """The block, or None if there is none or it is broken. A BigTIFF is read as if it were none."""
    if not data or data[:4] not in (*_CLASSIC, *_BIG):
        return None
    order: Order = "<" if data[:2] == b"II" else ">"
    big = data[:4] in _BIG
    try:
        start = struct.unpack_from(order + "Q", data, 8) if big else struct.unpack_from(order + "I", data, 4)
        return Block(order, directory(data, order, start[0], big))
    except (struct.error, ValueError, OverflowError):
        return None


def directory(data: bytes, order: str, start: int, big: bool = False, depth: int = 0) -> tuple[Entry, ...]:
    """The tags of the directory at `start`, those of the directories in it among them.

    big: as BigTIFF lays it out. Raises `ValueError`, `OverflowError` or `struct.error`.
    """
    if depth > 2:
        raise ValueError("directories too deep")
    amount, head, offset = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    width = struct.calcsize(order + offset)
    step = struct.calcsize(order + head) + width
    entries = []
    for index in range(struct.unpack_from(order + amount, data, start)[0]):
        at = start + struct.calcsize(order + amount) + step * index
        code, kind, count = struct.unpack_from(order + head, data, at)
        size = {**_SIZES, **_BIG_POINTERS}.get(kind, 1) * count
        inline = at + step - width
        place = inline if size <= width else struct.unpack_from(order + offset, data, inline)[0]
        value = data[place : place + size]
        if len(value) != size:
            continue  # a broken tag is left out, the others stay
        if code in _DIRECTORIES and count == 1 and kind in _POINTERS:
            inner = struct.unpack(order + ("I" if size == 4 else "Q"), value)[0]
            entries.append(Entry(code, LONG, 1, directory(data, order, inner, big, depth + 1)))
        elif kind in _SIZES:  # BigTIFF's own types serve its layout alone
            entries.append(Entry(code, kind, count, value))
    return tuple(entries)


def serialise(entries: Iterable[Entry], order: str, offset: int) -> bytes:
    """A directory as it stands at `offset` of its file, its values and inner directories behind it."""
    entries = sorted(entries, key=lambda entry: entry.code)
    behind = offset + 2 + 12 * len(entries) + 4
    head, tail = struct.pack(order + "H", len(entries)), b""
    for entry in entries:
        place = behind + len(tail)
        if isinstance(entry.value, tuple):
            value = struct.pack(order + "I", place)
            tail += serialise(entry.value, order, place)
        elif len(entry.value) <= 4:
            value = entry.value.ljust(4, b"\0")
        else:
            value = struct.pack(order + "I", place)
            tail += entry.value + b"\0" * (len(entry.value) % 2)
        head += struct.pack(order + "HHI", entry.code, entry.type, entry.count) + value
    return head + b"\0\0\0\0" + tail
