"""From a path to a `Picture` and back: the kind by content, the output beside and then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import decoder, jpeg, names
from .errors import PictureError
from .names import format_of, kind_of
from .picture import MAX_PIXELS, New, Picture, Samples, check_finite, empty

# Each format's module has read(data, new), write(picture, pixels) and extent(data).
FORMATS: dict[str, Any] = {kind: import_module(f".{kind}", __package__) for kind in names.FORMATS}


def read(path: Path) -> Picture:
    """Read a JPEG, PNG or TIFF, whatever its name, or a RAW or HEIC, in a process of its own (see `decoder`).

    Raises `PictureError`, also when that process crashes, takes too long or too much memory.
    """
    return decoder.shared().read(path)


def read_reference(path: Path, longest: int) -> NDArray[np.uint8]:
    """Read a JPEG, PNG or TIFF as (H, W, 3) uint8 sRGB, upright, shrunken until no side exceeds `longest`.

    Decoded and converted as `read` does it; raises as that.
    """
    return decoder.shared().read_reference(path, longest)


def decode(data: bytes, new: New = empty) -> Picture:
    """Decode a file's bytes in this process; `new` makes the array of samples where the format lets it.

    Raises `PictureError` ``bad-image`` or ``too-large``.
    """
    picture: Picture = FORMATS[kind_of(data)].read(data, new)
    check_finite(picture.pixels)
    return picture


def extent(data: bytes) -> tuple[int, int]:
    """Tell from a file's header how many pixels, and bytes of samples, decoding makes; at most the limits."""
    pixels, size = FORMATS[kind_of(data)].extent(data)
    return min(pixels, MAX_PIXELS), min(size, 16 * MAX_PIXELS)


def write(picture: Picture, pixels: Samples, path: Path) -> None:
    """Write `pixels` (upright, like ``picture.pixels``) with what `picture` keeps; the name says the format.

    The file appears whole or not at all. Raises `PictureError` ``bad-output``.
    """
    store(encode(picture, pixels, format_of(path)), path, picture.mode)


def store(data: bytes, path: Path, mode: int | None = None) -> None:
    """Write a file that appears whole or not at all. mode: the permission bits of what it was made of.

    Raises `PictureError` ``bad-output``.
    """
    beside = path.with_name(f".studio-portrait-{secrets.token_hex(4)}")  # short, however long the name is
    try:
        with _removed_on_failure(beside):
            with open(beside, "xb", opener=as_private_as(mode)) as file:
                file.write(data)
            beside.replace(path)
    except OSError as error:
        raise PictureError("bad-output", f"{path} cannot be written ({error.strerror}).") from None


def as_private_as(mode: int | None) -> Callable[[str, int], int]:
    """Return an opener of files that nobody can read who may not read the source; the umask holds too."""
    bits = 0o666 if mode is None else mode | 0o600
    return lambda name, flags: os.open(name, flags, bits)


def encode(picture: Picture, pixels: Samples, kind: str) -> bytes:
    """Return the bytes of the file; another kind than the source's is stored upright."""
    if kind != picture.format:
        picture = picture.upright()
    data: bytes = FORMATS[kind].write(picture, pixels)
    return data


def left_out(picture: Picture, kind: str) -> tuple[str, ...]:
    """Return notes about what a file of this kind has no room for, though the picture's file had."""
    return jpeg.left_out(picture.upright()) if kind == "jpeg" != picture.format else ()


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
