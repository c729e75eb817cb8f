"""Ways to spoil a file so that it still is one: parts changed, moved, doubled; lengths and checksums right.

Bytes changed at random seldom get past a signature and never past a checksum: of the PNGs made so, one in
six hundred was decoded.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

from .messages import spoiled

Part = tuple[bytes, bytes]  # a chunk's or a segment's name, and what is in it
Spoiler = Callable[[random.Random, bytes, bytes], bytes]

_ODD = (0, 1, 2, 3, 4, 7, 8, 9, 16, 32, 100, 127, 128, 255, 256, 4096, 32_767, 65_535, 65_536)
_ODD += (2**24, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)
_SIGNATURE, _SOS = b"\x89PNG\r\n\x1a\n", 0xDA
_FOLDED = {b"IDAT": 0, b"iCCP": 9, b"zTXt": 9}  # zlib's stream begins there in those that are made here
_CODES = (254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 282, 284, 296, 317, 320, 322, 324, 330, 338)
_CODES += (339, 347, 513, 514, 700, 34377, 34665, 34675, 34853, 40965)


def png(dice: random.Random, data: bytes, other: bytes) -> bytes:
    """Spoil chunks, also inside what is compressed, and give each its checksum."""
    parts = _rearranged(dice, _chunks(data), _chunks(other), _spoiled_chunk)
    coded = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return _SIGNATURE + b"".join(coded)


def jpeg(dice: random.Random, data: bytes, other: bytes) -> bytes:
    """Spoil segments, and give each its length; the data behind the last one among them."""
    parts = _rearranged(dice, _segments(data), _segments(other), _spoiled_part)
    coded = (
        name + struct.pack(">H", min(65_535, len(body) + 2)) + body if name else body for name, body in parts
    )
    return b"\xff\xd8" + b"".join(coded)


def tags(dice: random.Random, data: bytes, other: bytes) -> bytes:
    """Spoil fields of a TIFF's first directory, and what its tags point to, and leave all in its place."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    amount, step, head = ("Q", 20, "HHQ") if big else ("H", 12, "HHI")
    changed = bytearray(data)
    try:
        start = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        count = struct.unpack_from(order + amount, data, start)[0]
    except struct.error:
        return spoiled(dice, data)
    first = start + struct.calcsize(order + amount)
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        at = first + step * dice.randrange(max(1, min(count, 64)))
        if at + step > len(changed):
            continue
        number = struct.unpack_from(order + head, changed, at)[2]
        field = dice.randrange(6)
        if field == 0:
            struct.pack_into(order + "H", changed, at, dice.choice(_CODES))
        elif field == 1:
            struct.pack_into(order + "H", changed, at + 2, dice.choice((0, *range(1, 14), 16, 17, 18, 129)))
        elif field == 2:
            odd = dice.choice((*_ODD, number + 1, number - 1, 2 * number))
            struct.pack_into(order + ("Q" if big else "I"), changed, at + 4, odd % 2**32)
        elif field == 3:
            place = dice.choice((*_ODD, start, at, first, len(data) - 4, dice.randrange(len(data))))
            struct.pack_into(order + ("Q" if big else "I"), changed, at + step - (8 if big else 4), place)
        elif field == 4:
            changed[at : at + step] = changed[first : first + step]
        else:
            _odd_number(dice, changed)
    return bytes(changed)


def _rearranged(
    dice: random.Random,
    parts: list[Part],
    others: list[Part],
    change: Callable[[random.Random, Part], Part],
) -> list[Part]:
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if not parts:
            return others
        at, action = dice.randrange(len(parts)), dice.randrange(10)
        if action == 0:
            del parts[at]
        elif action == 1:
            parts[at:at] = [parts[at]] * dice.choice((1, 1, 2, 30))
        elif action == 2:
            to = dice.randrange(len(parts))
            parts[at], parts[to] = parts[to], parts[at]
        elif action == 3 and others:
            parts.insert(at, dice.choice(others))
        elif action == 4:
            parts[at] = (dice.choice((*parts, *others))[0], parts[at][1])
        else:
            parts[at] = change(dice, parts[at])
    return parts


def _spoiled_chunk(dice: random.Random, part: Part) -> Part:
    name, body = part
    start = _FOLDED.get(name)
    if start is None or dice.random() < 0.3:
        return _spoiled_part(dice, part)
    unpacker = zlib.decompressobj()
    try:
        unfolded = unpacker.decompress(body[start:], 1 << 16)
    except zlib.error:
        return _spoiled_part(dice, part)
    return name, body[:start] + zlib.compress(_spoiled_part(dice, (name, unfolded))[1], 1)


def _spoiled_part(dice: random.Random, part: Part) -> Part:
    name, body = part
    if dice.random() < 0.5:
        return name, spoiled(dice, body)
    changed = bytearray(body)
    _odd_number(dice, changed)
    return name, bytes(changed)


def _odd_number(dice: random.Random, changed: bytearray) -> None:
    """Put a number of one, two or four bytes somewhere, of either byte order."""
    width = dice.choice((1, 1, 2, 4))
    if len(changed) < width:
        return
    at = dice.randrange(len(changed) - width + 1)
    number = dice.choice(_ODD) % (1 << 8 * width)
    changed[at : at + width] = number.to_bytes(width, dice.choice(("big", "little")))


def _chunks(data: bytes) -> list[Part]:
    parts, at = [], len(_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return parts


def _segments(data: bytes) -> list[Part]:
    parts, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        parts.append((data[at : at + 2], data[at + 4 : at + 2 + length]))
        at += 2 + max(2, length)
        if parts[-1][0][1] == _SOS:
            break
    return [*parts, (b"", data[at:])]


SPOILERS: dict[str, Spoiler] = {"png": png, "jpeg": jpeg, "markers": jpeg, "tiff": tags, "tags": tags}
