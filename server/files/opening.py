"""Opening an input: a regular file, at once, or a sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import PictureError
from .names import unreadable

_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


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
        raise PictureError("bad-image", "It is a folder, not a picture.", "Name the pictures in it.")
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS.items() if test(mode)), "no file")
        raise PictureError(
            "bad-image", f"It is {kind}, not a picture.", "Save the picture as a file, and name that."
        )
