"""A picture that stays with the server: analysed once, then shown and rendered as often as one likes.

What a dialog with a live preview needs. Should the server have given the picture up, it is sent and analysed
again by itself.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import wire
from .conversation import Conversation, reading_answer
from .transfer import POLL_SECONDS, Cancelled, Photograph, Progress, Read, Transfer, Write
from .wire import Box, ImageSpec, Problem, Settings

T = TypeVar("T")
LAYERS = ("shine", "light", "colour", "tone")  # from the bottom up


def matte(settings: Settings, reach: str) -> Settings:
    """Return settings whose result's mask is what `reach` covers of the faces, and nothing else.

    So weak that nothing is clipped, for which the mask would be raised.
    """
    faces, network = settings.faces, settings.network
    return Settings(strength=1e-4, reach=reach, faces=faces, network=network, mask=True, limit=False)


@dataclass(frozen=True)
class Preview:
    """Rows that came. plane: ``pixels``, three bytes of sRGB a pixel, or ``mask``, one byte a pixel.

    ms: what the worker took for it, by stage.
    """

    serial: int
    width: int
    height: int
    plane: str
    data: memoryview
    ms: dict[str, float]


class Retouching(Transfer):
    """One picture from ANALYSE to DONE. faces: those found, the largest first (see PROTOCOL.md).

    image, read, icc, selection, reference, progress, cancelled: as for `Session.retouch`; `read` may be
    called again later, when the server has lost the picture. settings: which network to analyse with.
    Everything raises `Problem`.
    """

    def __init__(
        self,
        talk: Conversation,
        image: ImageSpec,
        read: Read,
        *,
        icc: bytes | None = None,
        selection: tuple[Box, Read] | None = None,
        reference: tuple[ImageSpec, Read] | None = None,
        settings: Settings | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ):
        photograph = Photograph(image, read, icc, selection, reference)
        super().__init__(talk, photograph, lambda *rows: None, progress, cancelled)
        self._settings = settings or Settings()
        self._serial = 0
        self._heard = 0.0
        self._awaited = False  # whether the answer to what was asked for last has not come
        self._asked: dict[str, Any] = {}
        self.faces: list[dict[str, Any]] = []

    def analyse(self) -> dict[str, Any]:
        """Send the picture and wait for ANALYSED, whose header is returned."""
        self._awaited = True
        try:
            told = self._send_all("ANALYSE", "ANALYSED", self._settings)
            with reading_answer():
                self.faces = [dict(face) for face in told["faces"]]
        except BaseException:
            self.close()
            self._job = secrets.token_hex(16)  # what is still told of the other is for nobody
            raise
        self._awaited = False
        return told

    def preview(
        self, rect: Box | None, width: int, height: int, settings: Settings, plane: str = "pixels"
    ) -> memoryview:
        """Return the rows of a preview, waited for; see `ask`."""
        self.ask(rect, width, height, settings, plane)
        self._heard = time.monotonic()
        while time.monotonic() - self._heard < self._talk.silence:
            self._check_cancelled()
            shown = self.newest(POLL_SECONDS)
            if shown is not None:
                return shown.data
        raise self._talk.lost()

    def ask(
        self, rect: Box | None, width: int, height: int, settings: Settings, plane: str = "pixels"
    ) -> int:
        """Ask for a preview without waiting; returns its serial. An earlier one may not come any more.

        rect: the part of the picture, None for all of it. width, height: of the preview, at most
        `wire.MAX_PREVIEW_BYTES` / 3 pixels. plane: ``pixels``, ``own`` or ``mask``, see PROTOCOL.md.
        """
        self._serial += 1
        place = {"rect": vars(rect) if rect else None, "width": width, "height": height}
        how = {"settings": settings.as_dict(), "plane": plane}
        self._asked = {"serial": self._serial, **place, **how}
        self._again_if_lost(self._ask)
        return self._serial

    def _ask(self) -> None:
        self._awaited = True
        self._talk.send([wire.encode("PREVIEW", job=self._job, **self._asked)])

    def newest(self, timeout: float = 0.0) -> Preview | None:
        """Wait for the preview that was asked for last; None if it does not come within so many seconds."""
        return self._again_if_lost(lambda: self._look(timeout), then=self._ask)

    def _look(self, timeout: float) -> Preview | None:
        end = time.monotonic() + timeout
        while (message := self._next_message(max(0.0, end - time.monotonic()))) is not None:
            header, data = message
            self._heard = time.monotonic()
            self._tell(header)
            if header["cmd"] == "PREVIEW" and header.get("serial") == self._serial and data is not None:
                self._awaited = False
                return self._shown(header, data)
        return None

    def _shown(self, header: dict[str, Any], data: memoryview) -> Preview:
        """Return a preview that came, which must be the one that was asked for."""
        width, height, plane = (self._asked[name] for name in ("width", "height", "plane"))
        depth = {"pixels": 3, "own": 1 if self._image.channels < 3 else 3, "mask": 1}[plane]
        with reading_answer():
            if (header["width"], header["height"], header["plane"]) != (width, height, plane):
                raise ValueError("another preview")
            if len(data) != width * height * depth:
                raise ValueError("less or more than was asked for")
            return Preview(self._serial, width, height, plane, data, dict(header["ms"]))

    def render(self, settings: Settings, write: Write, layer: str = "") -> dict[str, Any]:
        """Hand the result's full-size rows to `write`, as `Session.retouch` does; returns RESULT's header.

        layer: one of `LAYERS` for that layer's content in place of the result; its ``box`` is None when
        the layer changes nothing.
        """

        def fetch() -> dict[str, Any]:
            self._serial += 1
            self._awaited = True
            how = {"serial": self._serial, "settings": settings.as_dict(), "layer": layer}
            self._talk.send([wire.encode("RENDER", job=self._job, **how)])
            told = self._wait_for("RESULT", self._serial)  # the one of a stopped `render` may come before
            self._awaited = False
            self._written, self._write = {}, write
            self._fetch_all(told, settings)
            return told

        return self._again_if_lost(fetch)

    def _concerns(self, error: dict[str, Any]) -> bool:
        """Whether an ERROR is not about a task that was stopped."""
        return super()._concerns(error) and error.get("serial", self._serial) == self._serial

    def close(self) -> None:
        """Tell the server that it may forget the picture, and end what it still does with it."""
        if self._awaited:
            self.give_up()
            return
        with contextlib.suppress(Problem):
            self._talk.send([wire.encode("DONE", job=self._job)])

    def _again_if_lost(self, do: Callable[[], T], then: Callable[[], None] = lambda: None) -> T:
        """Do it; should the server have lost the picture meanwhile, send that again and try once more.

        then: to be done before that.
        """
        try:
            return do()
        except Problem as problem:
            lost = problem.code == "lost-server" and self._talk.resume(self._check_cancelled)
            if problem.code != "unknown-job" and not lost:
                raise
        self._job = secrets.token_hex(16)
        self._written = {}
        self.analyse()
        then()
        return do()
