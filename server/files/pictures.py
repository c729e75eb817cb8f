"""From a path to a `Picture` and back: the kind by content, the output beside and then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from plugin.studio_portrait.link.wire import Problem

from . import jpeg, png, tiff
from .names import format_of, unreadable
from .picture import Picture, Samples, check_finite, unsupported

MAX_FILE_BYTES = 2 << 30  # 100 megapixels of four floats are 1.6 GB

FORMATS = {"jpeg": jpeg, "png": png, "tiff": tiff}
_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    png.SIGNATURE: "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
}
_FOREIGN = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"8BPS": "a Photoshop file",
    b"gimp xcf": "a GIMP file (XCF)",
    b"%PDF": "a PDF",
    b"\x00\x00\x01\x00": "an icon",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"qoif": "a QOI",
}
_OTHERS = {b"WEBP": "a WebP", b"heic": "a HEIC", b"mif1": "a HEIC", b"avif": "an AVIF", b"crx ": "a raw file"}
_EXPORT = "Open it in GIMP and export it as JPEG, PNG or TIFF."


def read(path: Path) -> Picture:
    """Reads a JPEG, PNG or TIFF, whatever its name. Raises `Problem` ``bad-image`` or ``too-large``."""
    try:
        with path.open("rb") as file:
            data = _content(file)
    except IsADirectoryError:
        raise unsupported("It is a folder, not a picture.", "Name the pictures in it.") from None
    except OSError as error:
        raise unreadable(error.strerror) from None
    picture = FORMATS[_kind(data)].read(data)
    check_finite(picture.pixels)
    return picture


def _content(file: BinaryIO) -> bytes:
    """The whole file, once its beginning shows that it is a picture and its size that it may be one."""
    data = bytearray(file.read(16))
    _kind(data)
    size = os.fstat(file.fileno()).st_size
    while len(data) <= MAX_FILE_BYTES and size <= MAX_FILE_BYTES:
        piece = file.read(max(1 << 20, size - len(data)))
        if not piece:
            return bytes(data)
        data += piece
    limit = f"The file has more than {MAX_FILE_BYTES >> 20} MB, which no picture within the limits needs."
    raise Problem("too-large", limit)


def write(picture: Picture, pixels: Samples, path: Path) -> None:
    """Writes `pixels` (upright, like ``picture.pixels``) with what `picture` keeps; the name says the format.

    The file appears whole or not at all. Raises `Problem` ``bad-output``.
    """
    data = encode(picture, pixels, format_of(path))
    beside = path.with_name(f".studio-portrait-{secrets.token_hex(4)}")  # short, however long the name is
    try:
        with _removed_on_failure(beside):
            beside.write_bytes(data)
            beside.replace(path)
    except OSError as error:
        raise Problem("bad-output", f"{path} cannot be written ({error.strerror}).") from None


def encode(picture: Picture, pixels: Samples, kind: str) -> bytes:
    """The bytes of the file; another kind than the source's is stored upright."""
    if kind != picture.format:
        picture = picture.upright()
    return FORMATS[kind].write(picture, pixels)


def _kind(data: bytes | bytearray) -> str:
    if not data:
        raise unsupported("The file is empty.", "Copy it again from where it came from.")
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return kind
    for start, name in _FOREIGN.items():
        if data.startswith(start):
            raise unsupported(f"The file is {name}; only JPEG, PNG and TIFF are read.", _EXPORT)
    if other := _OTHERS.get(bytes(data[8:12])):
        raise unsupported(f"The file is {other}; only JPEG, PNG and TIFF are read.", _EXPORT)
    raise unsupported("The file is not a JPEG, PNG or TIFF.", _EXPORT)


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
