"""What `decoder_children` starts: a helper that forks a locked child for each picture, or one such child."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import mmap
import os
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from . import developing, names, packing, pictures, sandbox
from .decoder_children import POPULATE_WRITE
from .errors import PictureError
from .picture import Samples, turn_back
from .srgb import to_srgb

# Limits of one child, beside what it holds when it begins.
_MEMORY, _TIMES_FILE, _TIMES_SAMPLES = 512 << 20, 4, 6
_SECONDS, _SECONDS_PER_MEGAPIXEL = 15, 1.2  # of the processor
_DEVELOPED = (100_000_000, 400 << 20)  # pixels and bytes of a RAW or HEIC, which say so too late
_CLOCK, _PATIENCE = 30, 4  # seconds by the clock, and times as long: other programs want the processor too


def main(words: Sequence[str]) -> None:
    """Serve: ``helper FD``, requests on this socket until it closes; ``single``, one picture, and end."""
    _warm_up()
    if words[0] == "helper":
        _Forks(socket.socket(fileno=int(words[1]))).serve()
    else:
        _single()


def decode(
    data: bytes, request: dict[str, Any], memory: Memory
) -> tuple[dict[str, Any], Samples, list[bytes]]:
    """Do what is asked: the answer, the samples as stored (in `memory` where possible), and blobs."""
    blobs: list[bytes] = []
    if request["task"] == "reference":
        samples: Samples = to_srgb(pictures.decode(data), request["longest"])
        packed = None
    else:
        develops = request["task"] in names.LIBRARIES
        picture = developing.decode(request["task"], data) if develops else pictures.decode(data, memory.new)
        samples = turn_back(picture.pixels, picture.orientation)
        packed = packing.pack(replace(picture, pixels=cast(Any, None)), blobs)
    size = sum(map(len, blobs))
    answer = {"shape": samples.shape, "dtype": samples.dtype.name, "blobs": size, "picture": packed}
    return answer, samples, blobs


class Memory:
    """The file in memory that is shared with whoever asked: samples, and blobs behind them."""

    def __init__(self, place: int | None = None):
        self._place = place
        self._mapped: NDArray[np.uint8] | None = None

    def new(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Make an array of bytes in it."""
        if self._place is None:
            return np.empty(shape, np.uint8)
        size = int(np.prod(shape))
        os.ftruncate(self._place, size)
        mapped = mmap.mmap(self._place, size)
        with contextlib.suppress(OSError, ValueError):  # all pages at once: a third less than one by one
            mapped.madvise(POPULATE_WRITE)
        self._mapped = np.frombuffer(mapped, np.uint8)
        return self._mapped.reshape(shape)

    def fill(self, samples: Samples, blobs: list[bytes]) -> None:
        """Write what does not lie in it yet."""
        assert self._place is not None
        at = samples.nbytes
        inside = self._mapped is not None and self._mapped.ctypes.data == samples.ctypes.data
        if not inside or self._mapped is None or self._mapped.nbytes != at:
            os.ftruncate(self._place, at)
            _write_all(self._place, samples.reshape(-1).view(np.uint8).data)
        os.lseek(self._place, at, os.SEEK_SET)
        for blob in blobs:
            _write_all(self._place, memoryview(blob))
        import fcntl  # not on Windows, where nothing forks

        fcntl.fcntl(self._place, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)


@dataclass
class _Child:
    pid: int
    handle: int
    outlet: int


class _Forks:
    """The helper. It never looks into a file itself."""

    def __init__(self, control: socket.socket):
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        gc.collect()
        gc.freeze()  # a collection in a child would copy all our pages
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._ended(key.data)
                elif not self._begin():
                    return

    def _begin(self) -> bool:
        """Fork a child for the next request; False when nobody is left who could ask."""
        message, places, _, _ = socket.recv_fds(self._control, 1 << 16, 3)
        if not message:
            return False
        file, memory, outlet = places
        request = json.loads(message)
        developing.load(request["task"])
        pid = os.fork()
        if pid == 0:
            try:
                _keep_only({file, memory, outlet})
                _child(file, memory, outlet, request)
            finally:
                os._exit(1)
        os.close(file)
        os.close(memory)
        child = _Child(pid, os.pidfd_open(pid), outlet)
        self._selector.register(child.handle, selectors.EVENT_READ, child)
        return True

    def _ended(self, child: _Child) -> None:
        """Say how: the child's own word may be missing or half."""
        self._selector.unregister(child.handle)
        os.close(child.handle)
        _, status = os.waitpid(child.pid, 0)
        line = b"\n" + json.dumps({"exit": os.waitstatus_to_exitcode(status)}).encode() + b"\n"
        with contextlib.suppress(OSError):  # who asked may have gone
            _write_all(child.outlet, memoryview(line))
        os.close(child.outlet)


def _child(file: int, memory: int, outlet: int, request: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    taken = sandbox.address_space()
    sandbox.end_with_parent()
    sandbox.enter()
    answer: dict[str, Any]
    try:
        data = _content(file)
        _limit(data, taken, request)
        place = Memory(memory)
        answer, samples, blobs = decode(data, request, place)
        place.fill(samples, blobs)
    except Exception as error:
        answer = {"error": _told(error)}
    _write_all(outlet, memoryview(json.dumps({**answer, "whole": True}).encode() + b"\n"))
    os._exit(0)


def _single() -> None:
    """One picture: the request on standard input, the answer, samples and blobs on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us hears it too and decides
    line = sys.stdin.buffer.readline()
    if not line:
        return
    request = json.loads(line)
    taken = sandbox.address_space()
    out = sys.stdout.buffer
    try:
        developing.load(request["task"])
        with open(Path(request["path"]), "rb") as file:
            sandbox.enter()
            data = file.read(names.MAX_FILE_BYTES + 1)
        _limit(data, taken, request)
        answer, samples, blobs = decode(data, request, Memory())
        out.write(json.dumps(answer).encode() + b"\n")
        out.write(np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data)
        out.writelines(blobs)
    except Exception as error:
        out.write(json.dumps({"error": _told(error)}).encode() + b"\n")
    out.flush()


def _limit(data: bytes, taken: int, request: dict[str, Any]) -> None:
    pixels, size = _DEVELOPED if request["task"] in names.LIBRARIES else pictures.extent(data)
    seconds = round(_SECONDS + _SECONDS_PER_MEGAPIXEL * pixels / 1e6)
    if os.name == "posix":
        sandbox.limit(taken + _MEMORY + _TIMES_FILE * len(data) + _TIMES_SAMPLES * size, seconds)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _CLOCK + _PATIENCE * seconds)


def _told(error: Exception) -> list[str]:
    if isinstance(error, MemoryError):
        error = PictureError("out-of-memory", "There is not enough memory to decode this picture.")
    if not isinstance(error, PictureError):
        what = f"{type(error).__name__}: {str(error)[:200]}"
        error = PictureError("internal", f"Something unforeseen happened while decoding ({what}).")
    return [error.code, error.message, error.hint]


def _content(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb", buffering=0, closefd=False) as stream:
        return stream.read(names.MAX_FILE_BYTES + 1)


def _write_all(place: int, data: memoryview) -> None:
    while data:
        data = data[os.write(place, data) :]


def _keep_only(places: set[int]) -> None:
    """Close all other files: the helper's socket, and what belongs to other pictures."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in places and int(name) > 2:
            try:
                os.close(int(name))
            except OSError:  # the one that listed them
                continue


def _warm_up() -> None:
    """Decode one of each kind, so that no child has to load what it needs."""
    sandbox.locks()
    pixels = np.zeros((16, 16, 3), np.uint8)
    for kind, options in (("jpeg", {}), ("jpeg", {"progressive": True}), ("png", {}), ("tiff", {})):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind, icc_profile=_srgb(), **options)
        to_srgb(pictures.decode(stream.getvalue()), 8)
    for compression in ("lzw", "deflate", "packbits", "zstd", "jpeg"):
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels, photometric="rgb", compression=compression, tile=(16, 16))
        pictures.decode(stream.getvalue())


def _srgb() -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
