"""The thread that talks to the server while the dialog stays awake.

It does one thing at a time; of each kind only the newest wish counts, so a slider that is drawn is followed
as fast as the server answers. GIMP itself may only be spoken to from the main loop: pixels are read and
written there, strip by strip, when the thread asks for them.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gi.repository import GLib
from layers import Render
from link.retouching import Retouching
from link.session import Session
from link.wire import Box, ImageSpec, Problem, Settings

T = TypeVar("T")
ORDER = ("analyse", "render", "preview")
Reader = Callable[[str, int, int], Any]


@dataclass(frozen=True)
class Photograph:
    """All that the server is sent: the pixels, their profile, the selection, the portrait to match."""

    image: ImageSpec
    read: Reader
    icc: bytes | None
    selection: tuple[Box, Reader] | None
    reference: tuple[ImageSpec, Reader] | None


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
    """Analyses a photograph, then previews and renders it as often as wished."""

    def __init__(self, events: Events):
        self._events = events
        self._wishes: dict[str, Callable[[], None]] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._stop = threading.Event()
        self._session: Session | None = None
        self.networks: list[dict[str, Any]] = []
        self._work: Any = None
        self._before: tuple[Any, int, int] | None = None
        self._unretouched = b""
        self._thread = threading.Thread(target=self._run, name="studio-portrait", daemon=True)
        self._thread.start()

    def analyse(self, photograph: Photograph, network: str) -> None:
        """Find out everything about the photograph; `Events.analysed` gets the faces."""
        self._wish("analyse", lambda: self._analyse(photograph, network))
        self._stop.set()  # whatever runs is for the last one

    def preview(
        self,
        rect: tuple[int, int, int, int],
        width: int,
        height: int,
        settings: Settings,
        plane: str,
        masked: bool,
    ) -> None:
        """Show a rectangle of the picture, with ``pixels`` or ``own`` as the plane, or its mask."""
        self._wish("preview", lambda: self._preview(rect, width, height, settings, plane, masked))

    def render(self, renders: list[Render], done: Callable[[list[dict[str, Any]]], None]) -> None:
        """Make whole results; their write(plane, row, rows, data, result), and done, run in the main loop."""
        self._wish("render", lambda: self._render(renders, done))

    def cancel(self) -> None:
        """End what runs; what was wished for is forgotten."""
        with self._wake:
            self._wishes.clear()
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

    def _wish(self, kind: str, wish: Callable[[], None]) -> None:
        with self._wake:
            self._wishes[kind] = wish
            if kind == "analyse":
                self._wishes.pop("preview", None)
            self._wake.notify()

    def _run(self) -> None:
        while (wish := self._next()) is not None:
            kind, call = wish
            self._stop.clear()
            try:
                call()
            except Problem as problem:
                self._failed(kind, problem)
            except Exception as fault:  # the thread's last place where the user can be told
                traceback.print_exc()
                self._failed(kind, Problem("internal", f"The plug-in has a fault: {fault}."))
            if not self._wishes:
                self._tell(self._events.idle)
        if self._session is not None:
            self._session.close()

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        with self._wake:
            while not self._closed:
                for kind in ORDER:
                    if kind in self._wishes:
                        return kind, self._wishes.pop(kind)
                self._wake.wait()
        return None

    def _failed(self, kind: str, problem: Problem) -> None:
        if (
            problem.code in ("lost-server", "no-server", "bad-token", "unknown-job")
            and self._session is not None
        ):
            self._session.close()
            self._session = self._work = None
        if problem.code != "cancelled" or kind == "render":
            self._tell(lambda: self._events.problem(kind, problem))

    def _analyse(self, photograph: Photograph, network: str) -> None:
        if self._session is None:
            self._session = Session.open(progress=self._progress)
            self.networks = self._session.networks
        self._drop()
        work = Retouching(
            self._session,
            photograph.image,
            self._reader(photograph.read),
            icc=photograph.icc,
            selection=self._of_main(photograph.selection),
            reference=self._of_main(photograph.reference),
            settings=Settings(network=network),
            progress=self._progress,
            cancelled=self._stop.is_set,
        )
        work.analyse()
        self._work = work
        self._tell(lambda: self._events.analysed(work))

    def _drop(self) -> None:
        if self._work is not None:
            self._work.close()
        self._work = self._before = None

    def _preview(
        self, rect: Any, width: int, height: int, settings: Settings, plane: str, masked: bool
    ) -> None:
        if self._work is None:
            return
        box = Box(*rect)
        if self._before != (rect, width, height):
            nothing = Settings(strength=0.0, network=settings.network)
            data = self._work.preview(box, width, height, nothing, plane)
            self._show(rect, "before", width, height, data)
            self._before = (rect, width, height)
            self._unretouched = bytes(data)
        data = self._work.preview(box, width, height, settings, "mask" if masked else plane)
        self._show(rect, "mask" if masked else "after", width, height, data)
        if not masked:
            same = data == self._unretouched
            self._tell(lambda: self._events.same(same))

    def _show(self, rect: Any, kind: str, width: int, height: int, data: Any) -> None:
        whole = bytes(data)
        self._tell(lambda: self._events.tile(rect, kind, width, height, whole))

    def _render(self, renders: list[Render], done: Callable[[Any], None]) -> None:
        if self._work is None:
            raise Problem("lost-server", "The picture is not at the server any more.", "Try again.")
        results = [self._work.render(one.settings, self._writer(one.write), one.layer) for one in renders]
        self._tell(lambda: done(results))

    def _writer(self, write: Any) -> Any:
        return lambda *arguments: self._in_main(lambda: write(*arguments))

    def _progress(self, stage: str, fraction: float) -> None:
        if self._closed:
            raise Problem("cancelled", "The dialog was closed.")
        self._tell(lambda: self._events.stage(stage, fraction))

    def _of_main(self, part: tuple[Any, Reader] | None) -> tuple[Any, Reader] | None:
        return (part[0], self._reader(part[1])) if part else None

    def _reader(self, read: Reader) -> Reader:
        return lambda plane, row, rows: self._in_main(lambda: read(plane, row, rows))

    def _tell(self, call: Callable[[], None]) -> None:
        def run() -> bool:
            if not self._closed:
                call()
            return False

        GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)

    def _in_main(self, call: Callable[[], T]) -> T:
        """Call in the main loop and wait for what it returns or raises."""
        answer: list[tuple[Any, BaseException | None]] = []
        there = threading.Event()

        def run() -> bool:
            try:
                if self._closed:
                    raise Problem("cancelled", "The dialog was closed.")
                answer.append((call(), None))
            except BaseException as error:
                answer.append((None, error))
            there.set()
            return False

        GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)
        while not there.wait(0.1):
            if self._closed:
                raise Problem("cancelled", "The dialog was closed.")
        value, error = answer[0]
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]
