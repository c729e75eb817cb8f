"""The thread that talks to the server while the dialog stays awake.

It does one thing at a time; of each kind only the newest request counts, so a slider that is drawn is
followed as fast as the server answers. GIMP itself may only be spoken to from the main loop: pixels are read
and written there, strip by strip, when the thread asks for them.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from gi.repository import GLib
from layers import Render
from link.retouching import Retouching
from link.session import Session
from link.transfer import Photograph, Read
from link.wire import Box, Problem, Settings

T = TypeVar("T")
ORDER = ("analyse", "render", "preview")
LOST = ("lost-server", "no-server", "bad-token", "unknown-job")  # the server does not have the picture


@dataclass(frozen=True)
class View:
    """What is to be previewed: a rectangle of the picture at some size. plane: ``pixels`` or ``own``."""

    rect: tuple[int, int, int, int]
    size: tuple[int, int]
    settings: Settings
    plane: str
    masked: bool


@dataclass(frozen=True)
class Events:
    """What the dialog is told, always in the main loop."""

    stage: Callable[[str, float], None]
    analysed: Callable[[Any], None]
    tile: Callable[[tuple[int, int, int, int], str, int, int, bytes], None]
    same: Callable[[bool], None]  # whether what is shown is the picture as it was
    idle: Callable[[], None]
    problem: Callable[[str, Problem], None]


class Worker:
    """Analyses a photograph, then previews and renders it as often as asked."""

    def __init__(self, events: Events):
        self._events = events
        self._requests: dict[str, Callable[[], None]] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._stop = threading.Event()
        self._session: Session | None = None
        self.networks: list[dict[str, Any]] = []
        self._work: Any = None
        self._before: tuple[Any, Any] | None = None
        self._unretouched = b""
        self._thread = threading.Thread(target=self._run, name="studio-portrait", daemon=True)
        self._thread.start()

    def analyse(self, photograph: Photograph, network: str) -> None:
        """Find out everything about the photograph; `Events.analysed` gets the faces."""
        self._request("analyse", lambda: self._analyse(photograph, network))

    def preview(self, view: View) -> None:
        """Show a rectangle of the picture, or its mask."""
        self._request("preview", lambda: self._preview(view))

    def render(self, renders: list[Render], done: Callable[[list[dict[str, Any]]], None]) -> None:
        """Make whole results; their write(plane, row, rows, data, result), and done, run in the main loop."""
        self._request("render", lambda: self._render(renders, done))

    def cancel(self) -> None:
        """End what runs; what was asked for is forgotten."""
        with self._wake:
            self._requests.clear()
            self._stop.set()

    def close(self) -> None:
        """End the thread and, with the connection, the server's job."""
        self._closed = True
        self.cancel()
        with self._wake:
            self._wake.notify()
        end = time.monotonic() + 3.0
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(0.02)

    def _request(self, kind: str, request: Callable[[], None]) -> None:
        with self._wake:
            self._requests[kind] = request
            if kind == "analyse":
                self._requests.pop("preview", None)
                self._stop.set()  # whatever runs is for the last one
            self._wake.notify()

    def _run(self) -> None:
        while (request := self._next()) is not None:
            kind, call = request
            try:
                call()
            except Problem as problem:
                self._failed(kind, problem)
            except Exception as fault:  # the thread's last place where the user can be told
                traceback.print_exc()
                self._failed(kind, Problem("internal", f"The plug-in has a fault: {fault}."))
            if not self._requests:
                self._tell(self._events.idle)
        if self._session is not None:
            self._session.close()

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        with self._wake:
            while not self._closed:
                for kind in ORDER:
                    if kind in self._requests:
                        self._stop.clear()
                        return kind, self._requests.pop(kind)
                self._wake.wait()
        return None

    def _failed(self, kind: str, problem: Problem) -> None:
        if problem.code in LOST and self._session is not None:
            self._session.close()
            self._session = self._work = None
        if problem.code != "cancelled" or not self._stop.is_set():  # who cancels knows it
            self._tell(lambda: self._events.problem(kind, problem))

    def _analyse(self, photograph: Photograph, network: str) -> None:
        if self._session is None:
            self._session = Session.open(progress=self._progress)
            self.networks = self._session.networks
        self._drop()
        told = {
            **vars(photograph),
            "read": self._reader(photograph.read),
            "selection": self._of_main(photograph.selection),
            "reference": self._of_main(photograph.reference),
        }
        settings, stop = Settings(network=network), self._stop.is_set
        work = Retouching(self._session, **told, settings=settings, progress=self._progress, cancelled=stop)
        work.analyse()
        self._work = work
        self._tell(lambda: self._events.analysed(work))

    def _drop(self) -> None:
        if self._work is not None:
            self._work.close()
        self._work = self._before = None

    def _preview(self, view: View) -> None:
        if self._work is None:
            return
        if self._before != (view.rect, view.size):
            nothing = Settings(strength=0.0, network=view.settings.network)
            self._unretouched = self._show(view, "before", nothing, view.plane)
            self._before = (view.rect, view.size)
        kind, plane = ("mask", "mask") if view.masked else ("after", view.plane)
        shown = self._show(view, kind, view.settings, plane)
        if not view.masked:
            same = shown == self._unretouched
            self._tell(lambda: self._events.same(same))

    def _show(self, view: View, kind: str, settings: Settings, plane: str) -> bytes:
        data = bytes(self._work.preview(Box(*view.rect), *view.size, settings, plane))
        self._tell(lambda: self._events.tile(view.rect, kind, *view.size, data))
        return data

    def _render(self, renders: list[Render], done: Callable[[Any], None]) -> None:
        if self._work is None:
            raise Problem("lost-server", "The server no longer has the picture.", "Try again.")
        results = [self._work.render(one.settings, self._writer(one.write), one.layer) for one in renders]
        self._tell(lambda: done(results))

    def _writer(self, write: Any) -> Any:
        return lambda *arguments: self._in_main(lambda: write(*arguments))

    def _progress(self, stage: str, fraction: float) -> None:
        self._check_open()
        self._tell(lambda: self._events.stage(stage, fraction))

    def _of_main(self, part: tuple[Any, Read] | None) -> tuple[Any, Read] | None:
        return (part[0], self._reader(part[1])) if part else None

    def _reader(self, read: Read) -> Read:
        return lambda plane, row, rows: self._in_main(lambda: read(plane, row, rows))

    def _tell(self, call: Callable[[], None]) -> None:
        def run() -> bool:
            if not self._closed:
                call()
            return False

        GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)

    def _in_main(self, call: Callable[[], T]) -> T:
        """Call in the main loop and wait for what it returns or raises."""
        answer: Future[T] = Future()

        def run() -> bool:
            try:
                self._check_open()
                if self._stop.is_set():  # what is written to may be gone
                    raise Problem("cancelled", "The retouching was cancelled.")
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)
            return False

        GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)
        while not wait([answer], 0.1).done:
            self._check_open()
        return answer.result()

    def _check_open(self) -> None:
        if self._closed:
            raise Problem("cancelled", "The dialog was closed.")
