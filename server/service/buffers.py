"""The memory in which server and worker share one job's pixels.

The server writes the rows that arrive, the worker copies them and changes the copy, the
server sends that back: nothing is copied between the processes, and when a worker dies
in the middle the picture is still there for another one. On Linux the memory has
no name in any file system (memfd): no leftover file is possible, and it does not
count against a container's small /dev/shm. Elsewhere it is a file of the state
folder, removed with the job and, after a crash, when the next server starts.

Layout: result, pixels, selection, reference, mask, ICC profile and preview, each row by row.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem

from . import resources

PREFIX = "pixels-"
_STEP = 8 << 20
DRAFTS = ".server.json.*"  # of the runtime file
_PLANES = ("result", "pixels", "selection", "reference", "mask", "icc", "preview")  # in memory's order


@dataclass(frozen=True)
class Layout:
    """Where the planes of a job lie. Sizes in bytes; a plane that is not there has size 0."""

    result: int
    pixels: int
    selection: int
    reference: int
    mask: int
    icc: int
    preview: int = 0

    @classmethod
    def of(
        cls,
        image: ImageSpec,
        selection: Box | None,
        mask: bool,
        icc: int,
        reference: ImageSpec | None = None,
        preview: int = 0,
        file: int = 0,
    ) -> Layout:
        """Lay out the planes of a job. icc, preview: bytes. file: of one that comes in place of pixels."""
        result = image.nbytes
        if file:  # a small one may be larger than its samples; in steps, so that it serves for the next one
            result = -(-(result + 2 * file) // _STEP) * _STEP - file
        return cls(
            result=result,
            pixels=file or image.nbytes,
            selection=selection.width * selection.height if selection else 0,
            reference=reference.nbytes if reference else 0,
            mask=image.width * image.height if mask else 0,
            icc=icc,
            preview=preview,
        )

    @property
    def total(self) -> int:
        """Count the bytes of all planes."""
        return sum(getattr(self, name) for name in _PLANES)

    def offset(self, plane: str) -> int:
        """Where a plane begins."""
        return sum(getattr(self, name) for name in _PLANES[: _PLANES.index(plane)])


class Buffer:
    """Memory of a job, made by the server. `path` and `inode` are what the worker gives to `attach`.

    Raises `Problem` ``out-of-memory`` before anything is touched.
    """

    def __init__(self, size: int, folder: Path):
        if size > resources.memory_available():
            raise Problem("out-of-memory", f"There is no memory for a picture of {size >> 20} MB.")
        self.size = size
        self._file: Path | None = None
        try:
            handle = self._open(folder)
            try:
                _reserve(handle, size, on_disk=self._file is not None)
                self._map = mmap.mmap(handle, size)
            except BaseException:
                os.close(handle)
                raise
        except (OSError, ValueError) as error:
            self._remove_file()
            if resources.is_out_of_handles(error):
                raise
            raise Problem("out-of-memory", f"No memory could be had for {size >> 20} MB.") from error
        self._handle = handle
        self.inode = os.fstat(handle).st_ino
        self.view = memoryview(self._map)

    def _open(self, folder: Path) -> int:
        if sys.platform == "linux" and Path("/proc/self/fd").is_dir():
            handle = os.memfd_create("studio-portrait")
            self.path = f"/proc/{os.getpid()}/fd/{handle}"
            return handle
        handle, self.path = tempfile.mkstemp(prefix=PREFIX, dir=folder)  # 0600
        self._file = Path(self.path)
        return handle

    def rows(self, start: int, pitch: int, length: int, rows: int) -> list[memoryview]:
        """`rows` pieces of `length` bytes, each `pitch` bytes after the last; one piece when they touch."""
        if length == pitch:
            return [self.view[start : start + rows * pitch]]
        end = start + rows * pitch
        return [self.view[at : at + length] for at in range(start, end, pitch)]

    def release(self) -> None:
        """Give the memory back, as soon as frames still on their way to a client let go of it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            del self.view, self._map
            self._remove_file()

    def _remove_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # Windows keeps a file that the worker has open: see `sweep`
                self._file.unlink()


def attach(path: str, size: int, inode: int, whole: bool = False) -> mmap.mmap:
    """Return the worker's view of a `Buffer`. Raises OSError when the server is gone.

    whole: all of it will be used, so Linux maps its pages at once, at a fifth of the cost.
    `FileNotFoundError` when the buffer is: the server may have given its handle's number to another job's
    buffer or to a socket by now.
    """
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket cannot be opened
            raise FileNotFoundError(path) from None
        raise
    try:
        if os.fstat(handle).st_ino != inode:
            raise FileNotFoundError(path)
        if whole and sys.platform == "linux":
            return mmap.mmap(handle, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        return mmap.mmap(handle, size)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove the files of a server that was killed. Only while holding the lock."""
    for pattern in (f"{PREFIX}*", DRAFTS):
        for left in folder.glob(pattern):
            with contextlib.suppress(OSError):
                left.unlink()


def _reserve(handle: int, size: int, on_disk: bool) -> None:
    """Give the file its size; on disk the blocks too, so that a full disk is an error and not a crash."""
    if on_disk and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)
