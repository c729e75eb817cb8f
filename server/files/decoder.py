"""Decoding in a process of its own: whatever a file does to its decoder, it does to nobody else.

How the children are started and asked is in `decoder_children`. Nothing heavy is imported here before a
picture is read.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .decoder_children import ForkingHelper, SpareProcess, crashed, memory_file
from .errors import PictureError
from .names import LIBRARIES, check, developed_as
from .opening import opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .picture import Picture

_FORKS = sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(os, "memfd_create")


class Decoder:
    """Reads pictures through child processes. A context manager; threads may use one together."""

    def __init__(self, module: str = "server.files.decoder_process", forks: bool = _FORKS):
        self.forks = forks
        self._helper = ForkingHelper(module) if forks else SpareProcess(module)

    def start(self) -> None:
        """Begin to load the codecs, without waiting for it."""
        self._helper.start()

    def read(self, path: Path) -> Picture:
        """Read a JPEG, PNG or TIFF, whatever its name, or a RAW or HEIC by it. Raises `PictureError` only."""
        from .picture import Picture, turn_upright

        picture, stored, mode = self._ask(path, {"task": developed_as(path) or "picture"})
        if not isinstance(picture, Picture) or picture.orientation not in range(1, 9):
            raise crashed()
        return replace(picture, pixels=turn_upright(stored, picture.orientation), mode=mode)

    def decode(self, data: bytes) -> Picture:
        """Read the bytes of a JPEG, PNG or TIFF. Raises `PictureError` only."""
        with _as_file(data) as path:
            return self.read(path)

    def read_reference(self, path: Path, longest: int) -> NDArray[np.uint8]:
        """Read a picture as (H, W, 3) uint8 sRGB, no side above `longest`. Raises `PictureError` only."""
        _, stored, _ = self._ask(path, {"task": "reference", "longest": longest})
        return stored

    def _ask(self, path: Path, request: dict[str, Any]) -> tuple[Any, NDArray[Any], int]:
        with opened(path) as file:
            check(file, request["task"] not in LIBRARIES)
            mode = os.fstat(file.fileno()).st_mode & 0o666
            answer, data = self._helper.ask(file.fileno(), path, request)
        try:
            return (*_unpacked(answer, data), mode)
        except (ValueError, KeyError, TypeError, RecursionError, PictureError):  # what no honest child writes
            raise crashed() from None

    def close(self) -> None:
        """End the helper; a later `read` starts another one."""
        self._helper.close()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shared() -> Decoder:
    """Return the decoder that this whole process uses; it ends with the process."""
    return _decoder_of(os.getpid())  # another one in a child of ours, which has no part in the helper


@functools.cache
def _decoder_of(process: int) -> Decoder:
    decoder = Decoder()
    atexit.register(decoder.close)
    return decoder


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[Path]:
    """Yield a file with these bytes; on Linux in memory, elsewhere among the user's temporary files."""
    if sys.platform == "linux":
        handle, name = memory_file(), ""
    else:
        handle, name = tempfile.mkstemp(prefix="studio-portrait-")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(data)
        yield Path(name or f"/proc/{os.getpid()}/fd/{handle}")  # a child opens it, too
    finally:
        os.close(handle)
        if name:
            os.unlink(name)


def _unpacked(answer: dict[str, Any], data: memoryview) -> tuple[Any, NDArray[Any]]:
    """Return what the child says, and (H, W, C) samples as stored.

    Raises `ValueError` and the like for nonsense.
    """
    import numpy as np

    from .packing import unpack
    from .picture import check_size

    height, width, channels = (int(side) for side in answer["shape"])
    check_size(width, height)
    dtype = np.dtype({"uint8": "u1", "uint16": "u2", "float32": "f4"}[answer["dtype"]])
    size = height * width * channels * dtype.itemsize
    if not 1 <= channels <= 4 or len(data) != size + int(answer["blobs"]):
        raise ValueError("not as many bytes as it says")
    samples = np.frombuffer(data[:size], dtype).reshape(height, width, channels)
    return unpack(answer["picture"], data[size:]), samples
