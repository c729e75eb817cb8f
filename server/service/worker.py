"""The process that owns a device: loads the network once, then retouches job after job.

Started by the front as ``python -m server.service.worker``. It speaks JSON lines on its own
stdin and stdout and finds the pixels in shared memory. A thread reads stdin, so that
a cancel is seen in the middle of a job and the end of the front ends this process
at once, whatever it is doing.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem, Settings

from . import logs
from .buffers import Layout, attach
from .fallback import Steady, Sturdy, leaves_the_device_broken, sturdy

DEVICE_LOST = 70  # exit status
LOOK_SECONDS = 0.05  # between two looks for a cancel while a network is loaded


_loader = ThreadPoolExecutor(1)


class Channel:
    """The two pipes to the front. Cancels are kept, jobs are queued."""

    def __init__(self, source: BinaryIO, sink: BinaryIO):
        self._source = source
        self._sink = sink
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._source:
            message = json.loads(line)
            if message["cmd"] == "job":
                self._jobs.put(message)
            else:
                self._cancelled = message["job"]
        _vanish()

    def next_job(self) -> dict[str, Any]:
        return self._jobs.get()

    def is_cancelled(self, job: str) -> bool:
        return self._cancelled == job

    def tell(self, event: str, **fields: Any) -> None:
        self._sink.write(json.dumps({"event": event, **fields}, allow_nan=False).encode() + b"\n")
        self._sink.flush()

    def tell_problem(self, event: str, problem: Problem, **fields: Any) -> None:
        self.tell(event, code=problem.code, message=problem.message, hint=problem.hint, **fields)


def _vanish() -> None:
    """The front has gone: nobody wants what is being computed, nor what a library may have started."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


@dataclass(frozen=True)
class Tools:
    """What a job is done with. The tests of the wire bring simpler ones.

    retouch: `server.imaging.retouch`. selection: makes its selection of a box and a
    mask. predictor: the predictor of a name, "" for the default one. match: the one
    that matches a reference portrait, (H, W, 3) sRGB.
    """

    retouch: Callable[..., Any]
    selection: Callable[[Box, NDArray[np.uint8]], Any]
    predictor: Callable[[str], Any]
    match: Callable[[NDArray[np.uint8]], Any] | None = None


def real_tools(device: str, engine: str) -> Tools:
    """The pipeline and the network. The default one is loaded while the pipeline is imported."""
    from model.inference.predictor import load, match

    first = ThreadPoolExecutor(1).submit(load, "", device=device, engine=engine)
    from server import imaging as pipeline

    loaded: dict[str, Sturdy | Steady] = {}

    def predictor(name: str) -> Sturdy | Steady:
        if name not in loaded:
            begun = name == "" and first.exception() is None
            new = first.result() if begun else load(name, device=device, engine=engine)
            loaded[name] = loaded[new.name] = sturdy(new, lambda: load(new.name, device="cpu"))
        return loaded[name]

    return Tools(
        pipeline.retouch, pipeline.Selection, predictor, lambda reference: Steady(match([reference]))
    )


def about(predictor: Any) -> dict[str, Any]:
    """What is told of a predictor in RESULT and in the status."""
    return {
        "device": predictor.device,
        "engine": predictor.engine,
        "network": predictor.name,
        "weights": predictor.weights_sha256,
    }


def retouch(message: dict[str, Any], tools: Tools, channel: Channel) -> dict[str, Any]:
    """Does one job in the shared memory; returns the fields of its RESULT. Raises `Problem`."""
    job = message["job"]
    image, settings = ImageSpec(**message["image"]), Settings(**message["settings"])
    layout = Layout(**message["layout"])
    try:
        memory = attach(message["path"], layout.total, message["inode"])
    except FileNotFoundError:  # dropped before its cancel was read
        raise Problem("cancelled", "The retouching was cancelled.") from None
    plane = _planes(memory, layout)
    dtype = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}[image.sample]
    plane("result")[:] = plane("pixels")  # which stay as they are, in case this process does not
    pixels = np.frombuffer(plane("result"), dtype).reshape(image.height, image.width, image.channels)
    selection = None
    if message["selection"]:
        box = Box(**message["selection"])
        mask = np.frombuffer(plane("selection"), np.uint8).reshape(box.height, box.width)
        selection = tools.selection(box, mask)
    reference = None
    if message["reference"]:
        shape = ImageSpec(**message["reference"])
        reference = np.frombuffer(plane("reference"), np.uint8)
        reference = reference.reshape(shape.height, shape.width, shape.channels)
    predictor = _loaded(tools, settings.network, reference, lambda: channel.is_cancelled(job))
    predictor.begin(lambda: channel.is_cancelled(job))
    result = tools.retouch(
        pixels,
        settings,
        predictor,
        icc=bytes(plane("icc")) or None,
        selection=selection,
        progress=lambda stage, fraction: channel.tell("progress", job=job, stage=stage, fraction=fraction),
        cancelled=lambda: channel.is_cancelled(job),
    )
    if result.mask is not None:
        plane("mask")[: result.mask.size] = result.mask.tobytes()
    return {
        "box": vars(result.box) if result.box else None,
        "faces": list(result.faces),
        "ms": {stage: round(ms, 1) for stage, ms in result.ms.items()},
        "notes": [*result.notes, *predictor.notes],
        **about(predictor),
    }


def _loaded(
    tools: Tools, network: str, reference: NDArray[np.uint8] | None, cancelled: Callable[[], bool]
) -> Any:
    """The network's predictor, or the reference's. Loading takes up to a second, in which a cancel counts."""
    if reference is not None and tools.match:
        loading = _loader.submit(tools.match, reference)
    else:
        loading = _loader.submit(tools.predictor, network)
    while not wait([loading], LOOK_SECONDS).done:
        if cancelled():
            raise Problem("cancelled", "The retouching was cancelled.")  # it is there for the next job
    return loading.result()


def _planes(memory: Any, layout: Layout) -> Callable[[str], memoryview]:
    view = memoryview(memory)

    def plane(name: str) -> memoryview:
        start = layout.offset(name)
        return view[start : start + getattr(layout, name)]

    return plane


def work(message: dict[str, Any], tools: Tools, channel: Channel) -> None:
    """One job, from the front's message to exactly one ``result`` or ``error`` event."""
    job = message["job"]
    try:
        if channel.is_cancelled(job):
            raise Problem("cancelled", "The retouching was cancelled.")
        channel.tell("result", job=job, **retouch(message, tools, channel))
    except Problem as problem:
        channel.tell_problem("error", problem, job=job)
    except MemoryError:
        text = "There was not enough memory to retouch the picture."
        channel.tell_problem("error", Problem("out-of-memory", text), job=job)
    except Exception as error:
        if hasattr(error, "code") and hasattr(error, "hint"):  # the pipeline's own, which is imported late
            channel.tell_problem("error", Problem(str(error.code), str(error), error.hint), job=job)
            return
        traceback.print_exc()
        if leaves_the_device_broken(error):
            os._exit(DEVICE_LOST)  # the front tries the job again with a new process
        text = f"The server met a fault of its own ({type(error).__name__})."
        channel.tell_problem("error", Problem("internal", text), job=job)


def run(channel: Channel, make_tools: Callable[[], Tools]) -> None:
    """Loads the default network before the first job comes, then works for ever.

    Weights that cannot be loaded are told and do not end the worker: they may be
    repaired while it runs, so each job tries again and gets the sentence.
    """
    tools = make_tools()
    try:
        channel.tell("ready", **about(tools.predictor("")))
    except Problem as problem:
        channel.tell_problem("failed", problem)
    while True:
        work(channel.next_job(), tools, channel)


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes from and to the front, for us alone.

    What any library prints goes to the log. `sys.stdin` is closed off: our thread always
    waits for the pipe, and a child forked meanwhile would wait for its lock for ever.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def end_with_the_front() -> None:
    """The end of the front's pipe ends us and our children; one that is stopped must go on to read it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGCONT)  # PR_SET_PDEATHSIG


def start(make_tools: Callable[[argparse.Namespace], Tools]) -> None:
    """The process: arguments, log, pipes, then `run`."""
    parser = argparse.ArgumentParser(prog="server.service.worker")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    args = parser.parse_args()
    end_with_the_front()
    logging.basicConfig(level=logging.INFO, format=logs.PLAIN, stream=sys.stderr)
    run(Channel(*own_pipes()), lambda: make_tools(args))


if __name__ == "__main__":
    start(lambda args: real_tools(args.device, args.engine))
