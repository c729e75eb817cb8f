"""A decoder that its file has taken over: it does what stands in the file behind a JPEG's first bytes."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from server.files import decoder_process, pictures
from server.files.errors import PictureError
from server.files.picture import New, Picture, empty

START = b"\xff\xd8\xff"
_decode = pictures.decode
_really_decode = decoder_process.decode


def decode(data: bytes, new: New = empty) -> Picture:
    """Do it; files without an order are decoded."""
    word, _, rest = data.removeprefix(START).partition(b" ")
    order = ORDERS.get(word.decode("latin-1"))
    if order is None:
        return _decode(data, new)
    order(rest.decode())
    raise PictureError("bad-image", "done")


def _memory(rest: str) -> None:
    held = []
    while True:
        held.append(np.empty(256 << 20, np.uint8))  # untouched: to write it takes a busy machine's seconds


def _spin(rest: str) -> None:
    while True:
        pass


def _escape(rest: str) -> None:
    """Try everything that a lock should refuse; tell what was possible."""
    place, pid = rest.split(" ")
    attempts: dict[str, Callable[[], Any]] = {
        "read": lambda: open("/etc/passwd"),  # noqa: SIM115
        "write": lambda: open(os.path.join(place, "written"), "w"),  # noqa: SIM115
        "list": lambda: os.listdir(place),
        "link": lambda: os.symlink("/etc/passwd", os.path.join(place, "link")),
        "tcp": lambda: socket.create_connection(("127.0.0.1", 9), 1),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "pair": socket.socketpair,
        "fork": os.fork,
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "signal": lambda: os.kill(int(pid), 0),
        "trace": lambda: _called(101 if os.uname().machine == "x86_64" else 117, 16, int(pid), 0, 0),
        "unlimit": _unlimited,
    }
    possible = []
    for name, attempt in attempts.items():
        try:
            attempt()
            possible.append(name)
        except (OSError, ValueError):
            continue
    raise PictureError("bad-image", f"possible: {possible}")


def _called(number: int, *words: int) -> None:
    if ctypes.CDLL(None, use_errno=True).syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _unlimited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if os.geteuid() == 0:  # root may; nobody else
        raise PermissionError


ORDERS: dict[str, Callable[[str], None]] = {
    "segfault": lambda rest: ctypes.string_at(0) and None,  # type: ignore[func-returns-value]
    "abort": lambda rest: os.abort(),
    "exit": lambda rest: os._exit(0),
    "kill": lambda rest: signal.raise_signal(signal.SIGKILL) if sys.platform == "win32" else _killed(),
    "memory": _memory,
    "spin": _spin,
    "sleep": lambda rest: time.sleep(600),
    "unforeseen": lambda rest: {}["nothing"],
    "escape": _escape,
}


def _killed() -> None:
    """What the kernel does when memory is out. It is refused to do so oneself, so use the limit of time."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (0, 0))
    _spin("")


def _lying(data: bytes, request: dict[str, Any], memory: decoder_process.Memory) -> Any:
    """Answer with what stands in the file: as if our own code in the child were no longer ours."""
    answer, samples, blobs = _really_decode(
        data if not data.startswith(START + b"lie ") else _a_picture(), request, memory
    )
    if data.startswith(START + b"lie "):
        answer |= json.loads(data.partition(b" ")[2])
    return answer, samples, blobs


def _a_picture() -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "jpeg")
    return stream.getvalue()


def main(words: Sequence[str]) -> None:
    pictures.decode = decode
    decoder_process.decode = _lying
    decoder_process._SECONDS, decoder_process._CLOCK, decoder_process._PATIENCE = 2, 4, 1
    decoder_process.main(words)
