"""The process that owns a device: takes jobs through a pipe and does them one after the other.

Started by the server as ``python -m server.service.worker``. It speaks JSON lines on its own
stdin and stdout and finds the pixels in shared memory. A thread reads stdin, so that
a cancel is seen in the middle of a job and the end of the server ends this process
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
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import (
    HEADSHOT,
    Box,
    ImageSpec,
    Problem,
    Settings,
    check_reference,
)
from server import child

from . import logs
from .buffers import Layout, attach
from .fallback import leaves_the_device_broken
from .tasks import problem_of
from .work import Work
from .worker_tools import Tools, real_tools

DEVICE_LOST = 70  # exit status
LOOK_SECONDS = 0.05  # between two looks for a cancel while a network is loaded
REPORT_SECONDS = 0.05  # between two words about a stage's progress
FILE_SECONDS = 1.0  # between any two of a file's: nobody watches one picture of a batch


_loader = ThreadPoolExecutor(1)


class Channel:
    """The two pipes to the server. Cancels are kept, jobs are queued."""

    def __init__(self, source: BinaryIO, sink: BinaryIO):
        self._source = source
        self._sink = sink
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled = ""
        self._kept: dict[str, dict[str, Any]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._source:
            message = json.loads(line)
            if message["cmd"] == "cancel":
                self._cancelled = message["job"]
            else:
                self._jobs.put(message)
        child.vanish()

    def next_job(self) -> dict[str, Any]:
        """Wait for the next task; what was kept of jobs that have ended is forgotten meanwhile."""
        while (message := self._jobs.get())["cmd"] == "forget":
            self._kept.pop(message["job"], {}).clear()  # others may still refer to it
        return message

    def kept(self, job: str) -> dict[str, Any]:
        """Return what tasks keep of a job that stays open."""
        return self._kept.setdefault(job, {})

    def is_cancelled(self, job: str) -> bool:
        """Return whether this job is to stop."""
        return self._cancelled == job

    def tell(self, event: str, **fields: Any) -> None:
        """Send one event to the listener."""
        self._sink.write(json.dumps({"event": event, **fields}, allow_nan=False).encode() + b"\n")
        self._sink.flush()

    def tell_problem(self, event: str, problem: Problem, **fields: Any) -> None:
        """Send an event that carries a problem's code, sentence and hint."""
        self.tell(event, code=problem.code, message=problem.message, hint=problem.hint, **fields)


class Report:
    """Tell of progress some 20 times a second, and a stage's beginning and end: each word costs both ends.

    seldom: only every second or so, whatever the stage.
    """

    def __init__(self, tell: Callable[[str, float], None], seldom: bool = False):
        self._tell, self._seldom = tell, seldom
        self._told = ("", time.monotonic())

    def __call__(self, stage: str, fraction: float) -> None:
        """Say how far a stage is, 0..1, if it is time."""
        now = time.monotonic()
        ends = not self._seldom and (stage != self._told[0] or fraction >= 1)
        if ends or now - self._told[1] >= (FILE_SECONDS if self._seldom else REPORT_SECONDS):
            self._told = (stage, now)
            self._tell(stage, fraction)


def about(predictor: Any) -> dict[str, Any]:
    """Return what is told of a predictor in RESULT and in the status."""
    return {
        "device": predictor.device,
        "engine": predictor.engine,
        "network": predictor.name,
        "weights": predictor.weights_sha256,
    }


def do(message: dict[str, Any], tools: Tools, channel: Channel) -> dict[str, Any]:
    """Do one task in the job's shared memory; returns the fields of its answer. Raises `Problem`."""
    job, task = message["job"], message["task"]
    image, settings = ImageSpec(**message["image"]), Settings(**message["settings"])
    layout = Layout(**message["layout"])
    try:
        whole = task["kind"] in ("retouch", "render")
        memory = attach(message["path"], layout.total, message["inode"], whole)
    except FileNotFoundError:  # dropped before its cancel was read
        raise Problem("cancelled", "The retouching was cancelled.") from None
    plane = _planes(memory, layout)
    dtype = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}[image.sample]
    sides = (-1,) if task["kind"] == "file" else (image.height, image.width, image.channels)
    sent, result = (np.frombuffer(plane(name), dtype).reshape(sides) for name in ("pixels", "result"))
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
    fields = dict(task["fields"])
    settings = Settings(**fields.pop("settings")) if "settings" in fields else settings
    if reference is not None and settings.network != HEADSHOT:
        reference = None  # another network than the one that the picture was sent for
    check_reference(settings, None if reference is None else ImageSpec(**message["reference"]))
    predictor = _loaded(tools, settings.network, reference, lambda: channel.is_cancelled(job))
    predictor.begin(lambda: channel.is_cancelled(job))
    report = Report(
        lambda stage, share: channel.tell("progress", job=job, stage=stage, fraction=share),
        seldom=task["kind"] == "file",
    )
    work = Work(
        sent=sent,
        result=result,
        preview=plane("preview"),
        mask=plane("mask"),
        icc=bytes(plane("icc")) or None,
        settings=settings,
        selection=selection,
        predictor=predictor,
        fields=fields,
        kept=channel.kept(job) if layout.preview else {},
        retouch=tools.retouch,
        progress=report,
        cancelled=lambda: channel.is_cancelled(job),
    )
    return {**tools.tasks[task["kind"]](work), **about(predictor)}


def _loaded(
    tools: Tools, network: str, reference: NDArray[np.uint8] | None, cancelled: Callable[[], bool]
) -> Any:
    """Return the network's predictor, or the reference's.

    Loading takes up to a second, in which a cancel counts.
    """
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
    """One task, from the server's message to exactly one ``result`` or ``error`` event."""
    job = message["job"]
    try:
        if channel.is_cancelled(job):
            raise Problem("cancelled", "The retouching was cancelled.")
        channel.tell("result", job=job, **do(message, tools, channel))
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            traceback.print_exc()
            if leaves_the_device_broken(error):
                os._exit(DEVICE_LOST)  # the server tries the job again with a new process
            text = f"The server met a fault of its own ({type(error).__name__})."
            problem = Problem("internal", text)
        channel.tell_problem("error", problem, job=job)


def run(channel: Channel, make_tools: Callable[[], Tools]) -> None:
    """Load the default network before the first job comes, then work for ever.

    Weights that cannot be loaded are told and do not end the worker: they may be
    repaired while it runs, so each job tries again and gets the sentence.
    """
    tools = make_tools()
    try:
        channel.tell("ready", **about(tools.predictor("")))
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        channel.tell_problem("failed", problem)
    while True:
        work(channel.next_job(), tools, channel)


def end_with_the_server() -> None:
    """End with the server's pipe, children too; one that is stopped must go on to read it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGCONT)  # PR_SET_PDEATHSIG


def start(make_tools: Callable[[argparse.Namespace], Tools]) -> None:
    """Run the process: arguments, log, pipes, then `run`."""
    parser = argparse.ArgumentParser(prog="server.service.worker")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    args = parser.parse_args()
    end_with_the_server()
    logging.basicConfig(level=logging.INFO, format=logs.PLAIN, stream=sys.stderr)
    run(Channel(*child.own_pipes()), lambda: make_tools(args))


if __name__ == "__main__":
    start(lambda args: real_tools(args.device, args.engine))
