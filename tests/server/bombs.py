"""Small files that ask for much: what a decoder without limits would take gigabytes or minutes for."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
import tifffile
from PIL import Image

from server.files import exif

HUGE = 400_000_000  # bytes that a bomb unfolds to


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@cache
def zeros(size: int = HUGE) -> bytes:
    """So many zeros, deflated."""
    packer = zlib.compressobj(1)
    block = bytes(1 << 24)
    return b"".join([*(packer.compress(block) for _ in range(size >> 24)), packer.flush()])


def png(width: int, height: int, *extra: bytes, data: bytes | None = None) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes((1 + 3 * 64) * 64)) if data is None else data
    parts = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(size: tuple[int, int] | None = None, scans: int = 1) -> bytes:
    """A 64 x 64 JPEG that says it is of another size, or whose last scan comes so many times."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 200)).save(stream, "jpeg", progressive=scans > 1)
    data = bytearray(stream.getvalue())
    if size is not None:
        start = data.index(b"\xff\xc0" if scans == 1 else b"\xff\xc2") + 5
        data[start : start + 4] = struct.pack(">HH", size[1], size[0])
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return bytes(data[:end] + bytes(data[last:end]) * (scans - 1) + data[end:])


def tiff(**options: object) -> bytes:
    stream = io.BytesIO()
    values = {"photometric": "rgb", "metadata": None, **options}
    tifffile.imwrite(stream, np.zeros((64, 64, 3), np.uint8), **values)  # type: ignore[arg-type]
    return stream.getvalue()


def with_tag(data: bytes, code: int, value: int) -> bytes:
    """The TIFF (little endian, one directory) with a tag's number, or its place, made another."""
    changed = bytearray(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for index in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * index
        if struct.unpack_from("<H", data, at)[0] == code:
            struct.pack_into("<HIxxxx", changed, at + 2, 4, 1)
            struct.pack_into("<I", changed, at + 8, value)
    return bytes(changed)


def with_strip(data: bytes, strip: bytes) -> bytes:
    """The TIFF with other bytes as its only strip."""
    return with_tag(with_tag(data + strip, 273, len(data)), 279, len(strip))


def many_pages(count: int) -> bytes:
    """A TIFF of so many tiny directories."""
    parts, at = [b"II*\0\x08\0\0\0"], 8
    for index in range(count):
        entries = [(256, 1), (257, 1), (258, 8), (262, 1), (273, 8), (279, 1)]
        following = at + 2 + 12 * len(entries) + 4
        parts.append(struct.pack("<H", len(entries)))
        parts += [struct.pack("<HHII", code, 4, 1, value) for code, value in entries]
        parts.append(struct.pack("<I", following if index < count - 1 else 0))
        at = following
    return b"".join(parts)


def tag_tree(levels: int = 3, pointers: int = 400) -> bytes:
    """An EXIF block whose directories all point to the next one, so many times: 400 ** 3 tags in 15 KB."""
    block = b"II*\0\x08\0\0\0"
    for level in range(levels):
        following = len(block) + 2 + 12 * pointers + 4
        entry = (exif.EXIF, 4, 1, following) if level < levels - 1 else (271, 7, 4, 0)
        block += struct.pack("<H", pointers) + struct.pack("<HHII", *entry) * pointers + bytes(4)
    return block


def overlapping(tags: int, size: int, first: int = 40_000) -> bytes:
    """An EXIF block of so many tags that all hold the same `size` bytes."""
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", tags)
    place = len(head) + 12 * tags + 4
    entries = b"".join(struct.pack("<HHII", first + index, 7, size, place) for index in range(tags))
    return head + entries + bytes(4 + size)


def jpeg_with(block: bytes) -> bytes:
    """A JPEG with this EXIF block, in as many segments as it takes (Pillow joins them)."""
    pieces = [block[at : at + 65_000] for at in range(0, len(block), 65_000)]
    segments = [b"\xff\xe1" + struct.pack(">H", len(piece) + 8) + b"Exif\0\0" + piece for piece in pieces]
    data = jpeg()
    return b"".join(
        [data[:2], *segments, data[20:]]
    )  # without JFIF: Pillow then asks EXIF for the resolution


def tiff_with(block: bytes) -> bytes:
    """A TIFF whose only directory has this block's tags behind its own."""
    data = tiff() + bytes(1)
    written, start = exif.parse(data), struct.unpack_from("<H", block, 8)[0]
    assert written is not None
    own = len(written.entries)
    place = len(data) + 2 + 12 * (own + start) + 4
    entries = bytearray(block[10 : 10 + 12 * start])
    for index in range(start):
        struct.pack_into("<I", entries, 12 * index + 8, place)
    old = struct.unpack_from("<I", data, 4)[0]
    raw = data[old + 2 : old + 2 + 12 * own]
    directory = struct.pack("<H", own + start) + raw + bytes(entries) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory + block[10 + 12 * start + 4 :]


def texts(count: int = 1000, size: int = 8_000_000) -> bytes:
    text = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(size), 9))
    return png(64, 64, *[text] * count)


BOMBS: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "png of a side too many": (lambda: png(65_536, 1), "too-large"),
    "png of two gigapixels": (lambda: png(50_000, 40_000), "too-large"),
    "png of the largest size": (lambda: png(2**31 - 1, 2**31 - 1), "too-large"),
    "png whose rows unfold": (lambda: png(64, 64, data=zeros()), "bad-image"),
    "png whose profile unfolds": (lambda: png(64, 64, chunk(b"iCCP", b"x\0\0" + zeros())), None),
    "png whose text unfolds": (lambda: png(64, 64, chunk(b"zTXt", b"x\0\0" + zeros())), None),
    "png whose long text unfolds": (lambda: png(64, 64, chunk(b"iTXt", b"x\0\1\0\0\0" + zeros())), None),
    "png without rows": (lambda: png(10_000, 10_000, data=b""), "bad-image"),
    "png of a thousand texts": (texts, None),
    "png of a tree of tags": (lambda: png(64, 64, chunk(b"eXIf", tag_tree())), None),
    "png of overlapping tags": (lambda: png(64, 64, chunk(b"eXIf", overlapping(5000, 1_000_000))), None),
    "png of a million chunks": (lambda: png(64, 64, chunk(b"teXt", b"") * 500_000), "bad-image"),
    "jpeg of a tree of tags": (lambda: jpeg_with(tag_tree()), None),
    "jpeg of overlapping tags": (lambda: jpeg_with(overlapping(5000, 1_000_000)), None),
    "jpeg of a million segments": (lambda: jpeg()[:2] + b"\xff\xe3\0\2" * 1_000_000, "bad-image"),
    "jpeg of filling bytes": (lambda: jpeg()[:2] + b"\xff" * 7_000_000, "bad-image"),
    "tiff of overlapping tags": (lambda: tiff_with(overlapping(4000, 1_000_000)), "bad-image"),
    "tiff of overlapping strips": (lambda: tiff_with(overlapping(4000, 1_000_000, 273)), "bad-image"),
    "jpeg of four gigapixels": (lambda: jpeg((65_500, 65_500)), "too-large"),
    "jpeg of a thousand scans": (lambda: jpeg((9_900, 9_900), scans=1000), "bad-image"),
    "tiff of a gigapixel": (lambda: with_tag(tiff(), 256, 40_000_000), "too-large"),
    "tiff whose strip unfolds": (lambda: with_strip(tiff(compression="deflate"), zeros()), None),
    "tiff of a large tile": (
        lambda: with_tag(with_tag(tiff(tile=(64, 64), compression="deflate"), 322, 65_536), 323, 65_536),
        "too-large",
    ),
    "tiff whose jpeg is large": (
        lambda: with_strip(tiff(compression="jpeg"), jpeg((65_500, 65_500))),
        "too-large",
    ),
    "tiff with another codec inside": (lambda: tiff(compression="jpeg2000"), "bad-image"),
    "tiff of many channels": (lambda: with_tag(tiff(), 277, 60_000), "bad-image"),
    "tiff of many slices": (lambda: with_tag(tiff(), 32997, 60_000), None),
    "tiff of many pages": (lambda: many_pages(100_000), "bad-image"),
}
"""By what they are: how they are made, and the code with which they must be refused; None where the
picture itself is sound and may as well be read, as long as that takes little."""
