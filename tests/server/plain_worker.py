"""A worker with the real channel and memory but a pipeline without a network.

It inverts the picture's samples inside a box, so that the tests of wire, queue and cancel
see every change and are quick; and it has the faults of `FAULTS`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Box, Problem
from server.service.worker import start
from server.service.worker_tools import Tools

# What goes wrong or takes its time, named as a network is: SUBMIT's settings ask for it.
SLOW = "slow"  # work that no test sees the end of; it looks for a cancel every 10 ms
MODERATE = "moderate"  # a second and a half of it
DEAF = "deaf"  # the same without an end, and it never looks
HELD = "held"  # works until `let_go` is called; each call is for one job
DEADLY = "deadly"  # the process is killed in the middle
FAULTY = "faulty"  # the pipeline raises
CHATTY = "chatty"  # thousands of progress events
HEAVY = "heavy"  # the network loads until `let_go` is called
FERTILE = "fertile"  # a child process is left running that holds all pipes
HUNGRY = "hungry"  # memory is taken, up to two gigabytes
FAULTS = (SLOW, MODERATE, DEAF, HELD, DEADLY, FAULTY, CHATTY, HEAVY, FERTILE, HUNGRY)
LOADS = "PLAIN_WORKER_LOADS"  # with this environment variable the worker is not ready before `let_go`
ENDLESS = 3600.0  # seconds


def let_go(home: Path) -> None:
    """Lets go on what waits in the worker of the server whose state is in `home`."""
    (home / "let-go").touch()


def wait_until_let_go(cancelled: Callable[[], bool] = lambda: False) -> None:
    while not cancelled():
        with contextlib.suppress(FileNotFoundError):
            (runtime.state_folder() / "let-go").unlink()
            return
        time.sleep(0.01)


def retouch(pixels: Any, settings: Any, predictor: Any, **more: Any) -> SimpleNamespace:
    """255 - x within the middle half of the picture; the selection's mask must be 255 all over."""
    progress, cancelled = more["progress"], more["cancelled"]
    progress("predict", 0.5)
    if settings.network == CHATTY:
        for number in range(5000):
            progress("reconstruct", number / 5000)
    if settings.network == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    taken = [b"x" * (8 << 20) for _ in range(256)] if settings.network == HUNGRY else []
    del taken
    if settings.network == FAULTY:
        raise RuntimeError("a fault of the pipeline")
    if settings.network == HELD:
        wait_until_let_go(cancelled)
    end = time.monotonic() + {SLOW: ENDLESS, DEAF: ENDLESS, MODERATE: 1.5}.get(settings.network, 0.0)
    while time.monotonic() < end:
        time.sleep(0.01)
        if settings.network != DEAF and cancelled():
            raise Problem("cancelled", "The retouching was cancelled.")
    height, width = pixels.shape[:2]
    box = Box(width // 4, height // 4, max(1, width // 2), max(1, height // 2))
    part = pixels[box.y : box.y + box.height, box.x : box.x + box.width]
    if pixels.dtype == np.float32:
        part[...] = 1 - part
    else:
        part[...] = np.iinfo(pixels.dtype).max - part
    mask = np.full((box.height, box.width), 200, np.uint8) if settings.mask else None
    notes = [f"icc {len(more['icc'] or b'')}"]
    if settings.network == FERTILE:
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        notes.append(f"child {child.pid}")
    if more["selection"] is not None:
        notes.append(f"selection {more['selection'].mask.sum()}")
    return SimpleNamespace(box=box, faces=({"used": True},), ms={"total": 1.0}, notes=tuple(notes), mask=mask)


def tools(device: str) -> Tools:
    """Those of a machine with nothing but a processor."""
    if LOADS in os.environ:
        wait_until_let_go()

    def predictor(name: str) -> SimpleNamespace:
        if device not in ("auto", "cpu"):
            raise Problem("bad-setting", f"The device {device!r} is not there.", "Use auto or cpu.")
        if name == HEAVY:
            wait_until_let_go()
        plain = SimpleNamespace(name=name or "plain", weights_sha256="0" * 64, engine="numpy", device="cpu")
        plain.begin, plain.notes = (lambda cancelled: None), []
        return plain

    return Tools(retouch, lambda box, mask: SimpleNamespace(box=box, mask=mask), predictor)


if __name__ == "__main__":
    start(lambda args: tools(args.device))
