"""The engine on other machines: servers with which keys were exchanged (docs/remote.md).

Files are read and written here. A JPEG goes there and back as it is stored, but for what it says beside its
picture; of other files the pixels do. Each server has as many pictures of ours as it
has workers, and one more that is on its way; whoever is free takes the next. A server that is lost is
called again for a while, and its pictures go to the others meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from plugin.studio_portrait.link.conversation import reading_answer
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import MAX_REFERENCE_SIDE, Problem, Settings, found_nobody

from ..files import jpeg
from ..files.errors import PictureError
from ..files.names import SUFFIXES, format_of, kind_of
from ..files.picture import Picture
from ..remote import sending
from ..remote.remote_session import open_remote
from ..service.resources import keep_freed_memory
from ..stopwatch import Stopwatch
from .item import MEASURED, NO_FACE, Item, Lookahead, Order, Outcome, failed
from .retoucher import fingerprint, in_pixels, problem_of, put, told_of, written
from .series import taken

MOST_FILE = 64 << 20  # bytes of a JPEG that travels as it is stored; a hundred megapixels take fewer
AHEAD = 2  # pictures on their way to or from a server beside those its workers have
ATTEMPTS = 3  # servers that a picture may lose until it is given up
PATIENCE = (1.0, 2.0, 5.0, 10.0, 20.0)  # seconds before each call to a lost server
_LOST = ("lost-server", "shutting-down", "no-server")
_BUSY_SECONDS = 2.0
_LOOK_SECONDS = 0.5


class Servers:
    """Servers at ``HOST[:PORT]`` (`item.Engine`). Making it calls each: raises `Problem` if one fails.

    weights: the hash that the network's must have there, "" for one without, None for any.
    """

    def __init__(self, order: Order, hosts: Sequence[str], weights: str | None = None):
        keep_freed_memory()  # of the files that come and go
        self._settings = Settings(**{**order.settings, "mask": order.mask})
        self._mask, self._measures, self._weights = order.mask, order.measure, weights
        self._reference = _reference(order.reference) if order.reference else None
        self._waiting: SimpleQueue[Item | None] = SimpleQueue()
        self._events: SimpleQueue[tuple[str, Any, Any]] = SimpleQueue()
        self._closed = threading.Event()
        self._losses: dict[str, int] = {}
        self._lanes: list[str] = []
        for host in hosts:
            with self._called(host) as session, reading_answer():
                self._lanes += [host] * (len(session.status()["workers"]) + AHEAD)
        self.facts: dict[str, Any] = {"engine": "servers", "servers": list(hosts), "jobs": len(self._lanes)}

    def map(self, items: Iterable[Item | None]) -> Iterator[Outcome]:
        """See `item.Engine`. Raises `Problem` ``lost-server`` when no server is left."""
        waiting = Lookahead(items)
        again: deque[Item] = deque()
        if not waiting:
            return
        for host in self._lanes:
            threading.Thread(target=self._lane, args=(host,), daemon=True).start()
        lanes, given = len(self._lanes), 0
        while given or again or waiting:
            waiting.searching = False
            while given < lanes and (again or waiting.soon()):
                self._waiting.put(again.popleft() if again else waiting.next())
                given += 1
            with contextlib.suppress(Empty):
                seconds = 0 if waiting.searching else _LOOK_SECONDS
                event, subject, problem = self._events.get(timeout=seconds)
                if event == "gone":
                    lanes -= 1
                    if not lanes:
                        raise problem
                    continue
                given -= 1
                if event == "outcome":
                    yield subject
                elif self._losses.get(subject.name, 0) < ATTEMPTS:
                    again.append(subject)
                else:
                    yield failed(subject, problem.code, str(problem))
        self.close()

    def _lane(self, host: str) -> None:
        """One picture after another with one server, until there is no more, or no server any more."""
        session: Session | None = None
        while not self._closed.is_set():
            try:
                session = session or self._opened(host)
            except Exception as error:  # whatever it is, the other servers go on
                self._events.put(("gone", host, problem_of(error)))
                return
            item = self._waiting.get()
            if item is None:
                break
            lost = self._one(session, item)
            if lost is not None:
                session.close()
                session = None
        if session is not None:
            session.close()

    def _called(self, host: str) -> Session:
        """Open a session. Raises `Problem`, also where the weights are others, as the results would be."""
        session, name = open_remote(host), self._settings.network
        asked = [net for net in session.networks if (net.get("name") == name if name else net.get("default"))]
        if self._weights in (None, *(net.get("sha256") for net in asked)):
            return session
        session.close()
        sentence = f"The server at {host} has other weights of the network than this machine."
        raise Problem("bad-version", sentence, "Install the same on both, or leave that server out.")

    def _opened(self, host: str) -> Session:
        """Open a session. Raises `Problem` when the server is not there, not even after a while."""
        for seconds in PATIENCE:
            try:
                return self._called(host)
            except Problem as problem:
                if problem.code == "bad-version":
                    raise  # no waiting mends that
                last = problem
            if self._closed.wait(seconds):
                break
        raise last

    def _one(self, session: Session, item: Item) -> Problem | None:
        """Return what lost the server, if it was lost."""
        lost: list[Problem] = []

        def do(line: Outcome, clock: Stopwatch) -> None:
            try:
                if not self._as_file(session, item, line, clock):
                    in_pixels(item, lambda item, picture: self._change(session, item, picture), line, clock)
            except Problem as problem:
                if problem.code in _LOST:
                    lost.append(problem)
                raise

        outcome = told_of(item, do)
        if lost:
            self._losses[item.name] = self._losses.get(item.name, 0) + 1
            self._events.put(("lost", item, lost[0]))
            return lost[0]
        self._events.put(("outcome", outcome, None))
        return None

    def _change(self, session: Session, item: Item, picture: Picture) -> dict[str, Any]:
        mask = np.zeros((*picture.pixels.shape[:2], 1), np.uint8) if self._mask else None
        told = self._in_turn(
            lambda: sending.retouch(
                session,
                picture.pixels,
                self._settings,
                icc=picture.icc,
                reference=self._reference,
                mask=None if mask is None else mask[..., 0],
                series=self._series(item),
            )
        )
        return {**_kept(told, picture.exif), "mask": mask, "box": told["box"]}

    def _series(self, item: Item) -> Any:
        """Return what SUBMIT says of a picture's series."""
        return "measure" if self._measures else list(item.colours)

    def _in_turn(self, ask: Callable[[], Any]) -> Any:
        """Return what a server answers, which others use too: our turn will come."""
        while True:
            try:
                return ask()
            except Problem as problem:
                if problem.code != "busy" or self._closed.is_set():
                    raise
                time.sleep(_BUSY_SECONDS)

    def _as_file(self, session: Session, item: Item, line: Outcome, clock: Stopwatch) -> bool:
        """Send a JPEG as it is stored, which is a tenth of its pixels, and keep what it says beside them.

        Returns whether that could be done.
        """
        target = Path(item.target)
        if self._mask or {format_of(target), SUFFIXES.get(Path(item.source).suffix.lower())} != {"jpeg"}:
            return False
        if os.path.getsize(item.source) > MOST_FILE:  # else it would be read to its end, and then again
            return False
        with clock("read"):
            about, mode, data = fingerprint(Path(item.source), MOST_FILE)
            try:
                if len(data) != about["size"] or kind_of(data) != "jpeg":
                    return False
                source = jpeg.bare(data)
            except PictureError:  # the decoder has the word for it
                return False
        line |= about
        size = (source.width, source.height)
        told, coded = self._in_turn(
            lambda: sending.retouch_file(
                session,
                source.data,
                size,
                self._settings,
                reference=self._reference,
                series=self._series(item),
            )
        )
        line |= _kept(told, source.exif)
        line["notes"] = [*source.notes, *line["notes"]]
        if found_nobody(told) or self._measures:
            line["status"] = NO_FACE if found_nobody(told) else MEASURED
            return True
        with clock("write"):
            result = jpeg.finished(coded, source)
            put(target, result, mode)
        line |= written(item, result)
        return True

    def close(self) -> None:
        """See `item.Engine`."""
        self._closed.set()
        for _ in self._lanes:
            self._waiting.put(None)


def _kept(told: dict[str, Any], exif: bytes | None) -> dict[str, Any]:
    """Return what of RESULT's header goes into the manifest; when a picture was taken, no server knows."""
    kept = {name: told[name] for name in ("faces", "ms", "notes", "network", "weights", "engine", "device")}
    if "series" in told:
        kept["series"] = [{**face, **taken(exif)} for face in told["series"]]
    return kept


def _reference(name: str) -> Any:
    from ..files import pictures

    return pictures.read_reference(Path(name), MAX_REFERENCE_SIDE)
