"""One picture of one client: how far it is, and where its rows lie in memory.

Everything a client sent is checked here before a byte of it is used.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from plugin.studio_portrait.link.wire import MAX_FRAME_BYTES, Box, ImageSpec, Problem, Settings

from .buffers import Buffer, Layout

UPLOADED = ("pixels", "selection", "reference")  # planes, in the order in which they lie and come


class State(Enum):
    """Where a job stands. READY: it was analysed, and waits for what its client wants of it."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    DONE = "done"


@dataclass(frozen=True)
class Task:
    """What a worker shall do with a job. kind: a name of `tasks.TASKS`; fields: what it is told with it."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)


RETOUCH = Task("retouch")

# What a client asked for: sizes of the ICC profile and of the file before the task.
Sent = tuple[ImageSpec, Settings, Box | None, ImageSpec | None, int, int, Task]


@dataclass(eq=False)
class Job:
    """One picture of one client. `touched`: when the client last did something for it.

    peer: the connection it belongs to; None while its client may still come back.
    keep: the seconds that it outlives its connection. deaths: the workers that ended over its task.
    sent: what its client asked for; task: what is to be done now; then: the next task, of a job that stays
    open for several.
    file: bytes of the file that comes in place of pixels, and goes back as one; 0 for none.
    """

    id: str
    peer: Hashable | None
    image: ImageSpec
    settings: Settings
    selection: Box | None
    layout: Layout
    buffer: Buffer
    touched: float
    sent: Sent
    keep: float = 0.0
    reference: ImageSpec | None = None
    file: int = 0
    state: State = State.UPLOADING
    stage: str = "upload"
    fraction: float = 0.0
    filled: int = 0  # bytes of the planes that came
    task: Task = RETOUCH
    then: Task | None = None
    result: dict[str, Any] = field(default_factory=dict)
    analysed: dict[str, Any] | None = None  # what ANALYSED told
    deaths: int = 0

    @property
    def stays_open(self) -> bool:
        """Whether it was made by ANALYSE, for previews and renderings until its client is done with it."""
        return self.layout.preview > 0

    def row_bytes(self, plane: str) -> int:
        """Count the bytes of a row of one of the planes that a client sends."""
        if plane == "pixels":
            return 1 if self.file else self.image.row_bytes
        if plane == "reference":
            return self.reference.row_bytes if self.reference else 0
        return self.selection.width if plane == "selection" and self.selection else 0

    def place(self, plane: object, row: object, rows: object, size: int) -> memoryview:
        """Where the next rows of an upload belong, in order and without gaps; `took` follows."""
        if self.state is not State.UPLOADING:
            raise Problem("bad-request", "Rows came for a picture that was complete.")
        at = self.layout.offset("pixels") + self.filled
        ends = {name: self.layout.offset(name) + getattr(self.layout, name) for name in UPLOADED}
        expected = next(name for name, end in ends.items() if at < end)
        row, rows = whole_number(row, "row"), whole_number(rows, "rows")
        row_bytes = self.row_bytes(expected)
        if plane != expected or self.layout.offset(expected) + row * row_bytes != at:
            raise Problem("bad-request", "Rows must come in order and without gaps.")
        whole = getattr(self.layout, expected)
        if rows < 1 or (row + rows) * row_bytes > whole or size != rows * row_bytes:
            raise Problem("bad-request", f"{size} bytes came for {rows} rows of {row_bytes} bytes.")
        return self.buffer.view[at : at + size]

    def took(self, size: int) -> None:
        """Count rows that are where they belong. With the last ones the job is QUEUED."""
        self.filled += size
        whole = sum(getattr(self.layout, name) for name in UPLOADED)
        self.fraction = self.filled / whole
        if self.filled == whole:
            self.state, self.stage, self.fraction = State.QUEUED, "queue", 0.0

    def plane(self, name: str) -> memoryview:
        """All of a plane's memory."""
        start = self.layout.offset(name)
        return self.buffer.view[start : start + getattr(self.layout, name)]

    def give(self, plane: object, row: object, rows: object) -> list[memoryview]:
        """Rows of the result's box, or bytes of its file, not copied."""
        row, rows = whole_number(row, "row"), whole_number(rows, "rows")
        if self.state is not State.DONE or not self.result.get("bytes" if self.file else "box"):
            raise Problem("bad-request", "There are no rows to fetch.")
        box = Box(0, 0, 1, self.result["bytes"]) if self.file else Box(**self.result["box"])
        if rows < 1 or row + rows > box.height:
            raise Problem("bad-request", "These rows do not lie within the result.")
        if self.file and plane == "pixels":
            start, length, pitch = self.layout.offset("result") + row, 1, 1
        elif plane == "pixels":
            pixel, pitch = self.image.row_bytes // self.image.width, self.image.row_bytes
            start = self.layout.offset("result") + (box.y + row) * pitch + box.x * pixel
            length = box.width * pixel
        elif plane == "mask" and self.layout.mask:
            length = pitch = box.width
            start = self.layout.offset("mask") + row * pitch
        else:
            raise Problem("bad-request", "There is no such plane in the result.")
        if rows * length > MAX_FRAME_BYTES:
            raise Problem("bad-request", "More rows were asked for than one frame may hold.")
        return self.buffer.rows(start, pitch, length, rows)


def whole_number(value: object, name: str) -> int:
    """Return a number that a client sent, if it is whole and 0 to 2**53 - 1.

    name: what it is called there. Raises `Problem` ``bad-request``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise Problem("bad-request", f"{name} must be a whole number.")
    return value


def build(kind: type[Any], fields: object) -> Any:
    """Make a data class of the wire out of the fields that a client sent.

    Raises `Problem` ``bad-request`` for anything but its own fields; `kind` raises for their values.
    """
    if not isinstance(fields, dict):
        raise Problem("bad-request", f"{kind.__name__} must be an object.")
    try:
        return kind(**fields)
    except TypeError:
        raise Problem("bad-request", f"{kind.__name__} has missing or unknown fields.") from None
