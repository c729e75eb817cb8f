"""From a path to a `Picture` and back: the kind by content, the output beside and then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from . import jpeg, png, tiff
from .errors import PictureError
from .names import format_of, unreadable
from .picture import Picture, Samples, check_finite, unsupported
from .srgb import to_srgb

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
_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_EXPORT = "Open it in GIMP and export it as JPEG, PNG or TIFF."


def read(path: Path) -> Picture:
    """Reads a JPEG, PNG or TIFF, whatever its name. Raises `PictureError` ``bad-image`` or ``too-large``."""
    with opened(path) as file:
        data, mode = _content(file), os.fstat(file.fileno()).st_mode & 0o666
    return replace(decode(data), mode=mode)


def read_reference(path: Path, longest: int) -> NDArray[np.uint8]:
    """Read a JPEG, PNG or TIFF as (H, W, 3) uint8 sRGB, upright, shrunken until no side exceeds `longest`.

    Raises `PictureError` as `read`.
    """
    with opened(path) as file:
        return to_srgb(decode(_content(file)), longest)


def decode(data: bytes) -> Picture:
    """Decode a file's bytes in this process. Raises `PictureError` ``bad-image`` or ``too-large``."""
    picture = FORMATS[_kind(data)].read(data)
    check_finite(picture.pixels)
    return picture


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; whoever waits at the other end of a pipe is not waited for.

    Raises `PictureError` ``bad-image`` for anything else, also when reading fails inside the block.
    """
    try:
        _check_regular(_mode(path))
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAITING)) as file:
            _check_regular(os.fstat(file.fileno()).st_mode)  # it may be another one by now
            yield file
    except OSError as error:
        raise unreadable(error.strerror) from None


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except ValueError:  # a NUL in the name
        raise unreadable(os.strerror(errno.EINVAL)) from None


def _check_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise unsupported("It is a folder, not a picture.", "Name the pictures in it.")
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS.items() if test(mode)), "no file")
        raise unsupported(f"It is {kind}, not a picture.", "Save the picture as a file, and name that.")


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
    raise PictureError("too-large", limit)


def write(picture: Picture, pixels: Samples, path: Path) -> None:
    """Writes `pixels` (upright, like ``picture.pixels``) with what `picture` keeps; the name says the format.

    The file appears whole or not at all. Raises `PictureError` ``bad-output``.
    """
    data = encode(picture, pixels, format_of(path))
    beside = path.with_name(f".studio-portrait-{secrets.token_hex(4)}")  # short, however long the name is
    try:
        with _removed_on_failure(beside):
            with open(beside, "xb", opener=_as_private_as(picture.mode)) as file:
                file.write(data)
            beside.replace(path)
    except OSError as error:
        raise PictureError("bad-output", f"{path} cannot be written ({error.strerror}).") from None


def _as_private_as(mode: int | None) -> Callable[[str, int], int]:
    """An opener that makes a file readable for nobody who may not read the source; the umask holds too."""
    bits = 0o666 if mode is None else mode | 0o600
    return lambda name, flags: os.open(name, flags, bits)


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
