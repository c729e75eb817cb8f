"""Decoding in a process of its own: whatever a file does to its decoder, it does to nobody else.

On Linux a helper that has loaded the codecs forks one child for each picture; the child locks itself
away (see `sandbox`) and fills memory that it shares with us. Elsewhere such a child is started anew for
each picture, the next one ahead of time, and hands the samples on through a pipe. Nothing heavy is
imported here before a picture is read.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server import CHECKOUT

from .errors import HINTS, PictureError
from .names import LIBRARIES, check, developed_as
from .opening import opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .picture import Picture

MAX_SECONDS = 900  # for one picture; the child's own limits are far below
_MAX_ANSWER = 64 << 20  # bytes of JSON; ten thousand chunks of a PNG take one
_WHOLE = b', "whole": true}'  # so ends an answer of which nothing is missing
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
POPULATE_WRITE = 23  # of madvise, Linux 5.14: all pages at once
_FIRST_BYTES, _MOST_BYTES = 40 << 20, 128 << 20  # of memory made ahead: of a first picture, and of any
_HARMFUL = "It may be damaged, or meant to do harm: save it anew in an image editor."
_FORKS = sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(os, "memfd_create")


class Decoder:
    """Reads pictures through child processes. A context manager; threads may use one together."""

    def __init__(self, module: str = "server.files.decoder_process", forks: bool = _FORKS):
        self.forks = forks
        self._helper = _Forking(module) if forks else _Spare(module)

    def start(self) -> None:
        """Begin to load the codecs, without waiting for it."""
        self._helper.start()

    def read(self, path: Path) -> Picture:
        """Read a JPEG, PNG or TIFF, whatever its name, or a RAW or HEIC by it. Raises `PictureError` only."""
        from .picture import Picture, turn_upright

        picture, stored, mode = self._ask(path, {"task": developed_as(path) or "picture"})
        if not isinstance(picture, Picture) or picture.orientation not in range(1, 9):
            raise _crashed()
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
            raise _crashed() from None

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
        handle, name = _memory(), ""
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


class _Helper:
    """What starts children. `module`: what they run."""

    def __init__(self, module: str):
        self._module = module
        self._lock = threading.Lock()

    def _popen(self, words: list[str], **more: Any) -> subprocess.Popen[bytes]:
        code = "import sys; sys.path.insert(0, sys.argv[1]);"
        code += f"from {self._module} import main; main(sys.argv[2:])"
        return subprocess.Popen(
            [sys.executable, "-P", "-c", code, str(CHECKOUT), *words],
            stderr=subprocess.DEVNULL,  # a library's complaints quote the file
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=os.name == "posix",  # Ctrl-C is ours to handle
            **more,
        )


class _Forking(_Helper):
    """Linux: a helper with the codecs loaded, which forks."""

    def __init__(self, module: str):
        super().__init__(module)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ahead = _MemoryAhead()

    def start(self) -> None:
        self._connection()
        self._ahead.make(_FIRST_BYTES)

    def _connection(self, other_than: socket.socket | None = None) -> socket.socket:
        with self._lock:
            dead = self._process is None or self._process.poll() is not None or self._control is other_than
            if dead or self._control is None:
                self._end()
                self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    nothing = subprocess.DEVNULL
                    words = ["helper", str(theirs.fileno())]
                    self._process = self._popen(
                        words, stdin=nothing, stdout=nothing, pass_fds=[theirs.fileno()]
                    )
            return self._control

    def ask(self, file: int, path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
        """Have one picture decoded: the child's answer, and its samples with its blobs behind them."""
        control = self._connection()
        answered = self._one(control, file, request)
        if answered is None:  # the helper itself was ended by somebody
            answered = self._one(self._connection(other_than=control), file, request)
        if answered is None:
            raise _crashed()
        return answered

    def _one(
        self, control: socket.socket, file: int, request: dict[str, Any]
    ) -> tuple[dict[str, Any], memoryview] | None:
        import fcntl  # not on Windows, where nothing forks

        memory = self._ahead.take()
        try:
            inlet, outlet = os.pipe()
            try:
                socket.send_fds(control, [json.dumps(request).encode()], [file, memory, outlet])
            except OSError:
                os.close(inlet)
                return None
            finally:
                os.close(outlet)
            with open(inlet, "rb", buffering=0) as pipe:
                line, status = _told(pipe.fileno(), time.monotonic() + MAX_SECONDS)
            if status is None:
                return None
            answer = _answer(line, status)
            size = os.fstat(memory).st_size
            if not size or not fcntl.fcntl(memory, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
                raise _crashed()  # a file that still shrinks could end us
            mapped = mmap.mmap(memory, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            self._ahead.make(size)
            return answer, memoryview(mapped)
        finally:
            os.close(memory)

    def close(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._ahead.close()
        if self._control is not None:
            self._control.close()  # the helper ends with it, and its children with the helper
            self._control = None
        if self._process is not None:
            _wait(self._process)
            self._process = None


class _MemoryAhead:
    """The next picture's memory, made while nobody waits for it: to get its pages is half of a child's cost.

    It was nobody else's before, and goes to one child. A picture of another size cuts it, or adds to it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: int | None = None
        self._maker = threading.Thread()

    def make(self, size: int) -> None:
        """Begin to make it, about as large as the last picture was."""
        if not self._maker.is_alive():
            self._maker = threading.Thread(target=self._make, args=(min(size, _MOST_BYTES),), daemon=True)
            with contextlib.suppress(RuntimeError):  # no further thread; then the child does it
                self._maker.start()

    def _make(self, size: int) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):  # as above
            if self._made is None:
                place = _memory()
                try:
                    os.ftruncate(place, size)
                    with mmap.mmap(place, size) as mapped:
                        _populate(mapped, size)
                    self._made = place
                finally:
                    if self._made is None:
                        os.close(place)

    def take(self) -> int:
        """Return a file in memory, as far as it is made; the caller closes it."""
        if not self._lock.acquire(blocking=False):
            return _memory()  # it is being made; waiting would take longer
        try:
            made, self._made = self._made, None
            return _memory() if made is None else made
        finally:
            self._lock.release()

    def close(self) -> None:
        """Give it back."""
        if self._maker.is_alive():
            self._maker.join()
        with self._lock:
            if self._made is not None:
                os.close(self._made)
                self._made = None


def _memory() -> int:
    return os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _populate(mapped: mmap.mmap, size: int) -> None:
    """Get all pages; unlike `mmap.madvise`, other threads run meanwhile."""
    import ctypes

    start = ctypes.c_char.from_buffer(mapped)
    libc = ctypes.CDLL(None)
    libc.madvise(ctypes.byref(start), ctypes.c_size_t(size), POPULATE_WRITE)
    del start  # else the mapping could not be closed


class _Spare(_Helper):
    """Anywhere: a process for each picture, the next one started ahead."""

    def __init__(self, module: str):
        super().__init__(module)
        self._next: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._lock:
            if self._next is None:
                self._next = self._popen(["single"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, file: int, path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
        self.start()
        with self._lock:
            process, self._next = self._next, None
        assert process is not None and process.stdin is not None and process.stdout is not None
        self.start()
        watch = threading.Timer(MAX_SECONDS, process.kill)
        watch.start()
        try:
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps({**request, "path": str(path.absolute())}).encode() + b"\n")
                process.stdin.close()
            line = process.stdout.readline(_MAX_ANSWER)
            data = bytearray(process.stdout.read()) if line.startswith(b'{"shape"') else bytearray()
            process.stdout.close()
            return _answer(line, process.wait()), memoryview(data)
        finally:
            watch.cancel()
            process.kill()
            process.wait()

    def close(self) -> None:
        with self._lock:
            if self._next is not None:
                assert self._next.stdin is not None and self._next.stdout is not None
                self._next.stdin.close()
                self._next.stdout.close()
                _wait(self._next)
                self._next = None


def _told(pipe: int, deadline: float) -> tuple[bytes, int | None]:
    """Return the child's line and 0, or how it ended, as the helper tells; None: the helper ended too."""
    told = bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and len(told) < _MAX_ANSWER:
        if not poll.poll(1000 * left):
            break
        piece = os.read(pipe, 1 << 20)
        told += piece
        line, complete, _ = told.partition(b"\n")
        if complete and line.endswith(_WHOLE):
            return bytes(line), 0
        if not piece:
            lines = told.split(b"\n")
            return b"", json.loads(lines[-2])["exit"] or 1 if len(lines) > 2 and not lines[-1] else None
    raise PictureError("bad-image", f"Decoding took longer than {MAX_SECONDS} seconds.", _HARMFUL)


def _answer(line: bytes, status: int) -> dict[str, Any]:
    """Return the child's answer. status: 0, or minus the signal that ended it. Raises `PictureError`."""
    if status == 0:
        try:
            answer = json.loads(line)
            if "error" not in answer:
                return dict(answer)
            code, message, hint = map(str, answer["error"])
            error = PictureError(code, message, hint if code in HINTS else None)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _crashed() from None
        raise error
    ended_by: Callable[[str], int] = lambda name: -int(getattr(signal, name, 0))  # noqa: E731
    if status in (ended_by("SIGXCPU"), ended_by("SIGALRM")):
        raise PictureError("bad-image", "Decoding took too long and was stopped.", _HARMFUL)
    if status == ended_by("SIGKILL"):
        raise PictureError("out-of-memory", "There is not enough memory to decode this picture.")
    raise _crashed()


def _crashed() -> PictureError:
    return PictureError("bad-image", "The picture made its decoder crash.", _HARMFUL)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
