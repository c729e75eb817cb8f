"""The child processes that decode pictures: started, asked and ended. They run `decoder_process`.

On Linux a helper that has loaded the codecs forks one child for each picture; the child locks itself
away (see `sandbox`) and fills memory that it shares with us. Elsewhere such a child is started anew for
each picture, the next one ahead of time, and hands the samples on through a pipe.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server import CHECKOUT

from .errors import HINTS, PictureError

MAX_SECONDS = 900  # for one picture; the child's own limits are far below
_MAX_ANSWER = 64 << 20  # bytes of JSON; ten thousand chunks of a PNG take one
_WHOLE = b', "whole": true}'  # so ends an answer of which nothing is missing
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
POPULATE_WRITE = 23  # of madvise, Linux 5.14: all pages at once
_FIRST_BYTES, _MOST_BYTES = 40 << 20, 128 << 20  # of memory made ahead: of a first picture, and of any
_HARMFUL = "It may be damaged, or meant to do harm: save it anew in an image editor."


class _Helper:
    """What starts children. `module`: what they run, as `decoder_process` does."""

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


class ForkingHelper(_Helper):
    """Linux: a helper with the codecs loaded, which forks."""

    def __init__(self, module: str):
        super().__init__(module)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ahead = _MemoryAhead()

    def start(self) -> None:
        """Begin to load the codecs, without waiting for it."""
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
        """Have one picture decoded: the child's answer, and its samples with its blobs behind them.

        file: the picture, opened. request: its task (`decoder_process.decode`). Raises `PictureError`.
        """
        control = self._connection()
        answered = self._one(control, file, request)
        if answered is None:  # the helper itself was ended by somebody
            answered = self._one(self._connection(other_than=control), file, request)
        if answered is None:
            raise crashed()
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
                raise crashed()  # a file that still shrinks could end us
            mapped = mmap.mmap(memory, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            self._ahead.make(size)
            return answer, memoryview(mapped)
        finally:
            os.close(memory)

    def close(self) -> None:
        """End it; a later `ask` starts another one."""
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
                place = memory_file()
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
            return memory_file()  # it is being made; waiting would take longer
        try:
            made, self._made = self._made, None
            return memory_file() if made is None else made
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


def memory_file() -> int:
    """Make an empty file in memory, which can be sealed; the caller closes it. Linux only."""
    return os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _populate(mapped: mmap.mmap, size: int) -> None:
    """Get all pages; unlike `mmap.madvise`, other threads run meanwhile."""
    import ctypes

    start = ctypes.c_char.from_buffer(mapped)
    libc = ctypes.CDLL(None)
    libc.madvise(ctypes.byref(start), ctypes.c_size_t(size), POPULATE_WRITE)
    del start  # else the mapping could not be closed


class SpareProcess(_Helper):
    """Anywhere: a process for each picture, the next one started ahead."""

    def __init__(self, module: str):
        super().__init__(module)
        self._next: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the next process, unless it waits already."""
        with self._lock:
            if self._next is None:
                self._next = self._popen(["single"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, file: int, path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
        """Have one picture decoded, as `ForkingHelper.ask` does; the child opens `path` itself."""
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
        """End the process that waits; a later `ask` starts another one."""
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
            raise crashed() from None
        raise error
    ended_by: Callable[[str], int] = lambda name: -int(getattr(signal, name, 0))  # noqa: E731
    if status in (ended_by("SIGXCPU"), ended_by("SIGALRM")):
        raise PictureError("bad-image", "Decoding took too long and was stopped.", _HARMFUL)
    if status == ended_by("SIGKILL"):
        raise PictureError("out-of-memory", "There is not enough memory to decode this picture.")
    raise crashed()


def crashed() -> PictureError:
    """Make the error for a child that has ended, or says what no honest one does."""
    return PictureError("bad-image", "The picture made its decoder crash.", _HARMFUL)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
