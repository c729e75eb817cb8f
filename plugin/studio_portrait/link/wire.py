"""The wire contract's one definition: headers, images, settings, limits, errors.

``server/PROTOCOL.md`` says the same in words. A message is a list of frames: first
a small JSON header, then at most one frame of raw bytes. Nothing here touches a
socket, so that both ends, the tests and a fuzzer can use it alone.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from . import hints
from .version import PROTOCOL

MAX_HEADER_BYTES = 64 * 1024
MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535
MAX_ICC_BYTES = 4 * 1024 * 1024
STRIP_BYTES = 4 * 1024 * 1024  # what a sender aims at per DATA frame
MAX_FRAME_BYTES = 16 * 1024 * 1024  # what a receiver accepts; one row always fits below it

SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}  # native byte order; both ends share the machine
FACES = ("all", "largest", "selection")
BACKGROUNDS = ("keep", "relight")

COMMANDS = frozenset(
    ("HELLO", "CHALLENGE", "SUBMIT", "ACCEPT", "DATA", "PROGRESS", "RESULT", "FETCH", "DONE", "CANCEL")
    + ("ERROR", "PING", "PONG", "STATUS", "SHUTDOWN", "BYE")
)

# What the user reads while the server works, in the order in which it happens.
STAGES = {
    "queue": "Waiting for the server",
    "upload": "Sending the picture",
    "load": "Loading the network",
    "faces": "Looking for faces",
    "filter": "Filtering",
    "predict": "Relighting",
    "reconstruct": "Reconstructing at full size",
    "download": "Fetching the result",
}

# The closed list of error codes, each with the hint used when the place that
# raises it knows nothing better; `hints.fill` puts the command in for {words}.
ERRORS = {
    "bad-request": "This is a fault in the program that asked; please report it with the log.",
    "bad-version": "Run install.py again, so that plug-in and server have the same version.",
    "bad-token": "Run {stop}, then try again.",
    "bad-key": "Run {keys list} here and on the server: each must know the other's key.",
    "bad-image": "Open the picture in an image editor and save it again.",
    "bad-output": "Choose another place for the result.",
    "bad-setting": "Run {retouch --help} to see what is allowed.",
    "no-face": "Take a picture with a larger, upright face, or relight the whole frame.",
    "too-large": f"At most {MAX_PIXELS // 1_000_000} megapixels: scale the picture down, or cut it.",
    "unknown-network": "Run {status --json} to see the networks that are installed.",
    "unknown-job": "Try again.",
    "busy": "Wait until the jobs before it are done, then try again.",
    "cancelled": "Nothing was changed.",
    "out-of-memory": "Close other programs, or scale the picture down.",
    "worker-died": "Try again; if it happens twice, see the server's log.",
    "poisonous": "Do not send this picture again with these settings, and report it with the server's log.",
    "weights": "Get the files of this version again, for example: git checkout -- model/weights",
    "shutting-down": "Try again: the server starts by itself.",
    "no-server": "Run {doctor} to see why the server does not start.",
    "lost-server": "Try again: the server starts by itself.",
    "set-up": "Run install.py again: it repairs what is missing or broken.",
    "internal": "See the server's log, and please report it.",
}


class Problem(Exception):
    """An error that a user can meet: a code from `ERRORS`, one sentence, a hint.

    Raised on both ends and carried over the wire as an ERROR message.
    """

    def __init__(self, code: str, message: str, hint: str | None = None):
        if code not in ERRORS:
            message, code = f"{message} [{code}]", "internal"
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hints.fill(ERRORS[code]) if hint is None else hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True)
class ImageSpec:
    """Size and sample layout of interleaved, row-major pixels.

    channels: 1 grey, 2 grey+alpha, 3 RGB, 4 RGB+alpha (alpha not premultiplied).
    sample: ``u8`` 0..255, ``u16`` 0..65535, ``f32`` nominally 0..1.
    Samples are encoded as the ICC profile that goes with them says; none means sRGB.
    """

    width: int
    height: int
    channels: int
    sample: str

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            side = getattr(self, name)
            if not _is_int(side) or side < 1:
                raise Problem("bad-request", f"{name} must be a positive whole number.")
        if not _is_int(self.channels) or not 1 <= self.channels <= 4:
            raise Problem("bad-request", "channels must be 1, 2, 3 or 4.")
        if self.sample not in SAMPLE_BYTES:
            raise Problem("bad-request", f"sample must be one of {', '.join(SAMPLE_BYTES)}.")
        if max(self.width, self.height) > MAX_SIDE or self.width * self.height > MAX_PIXELS:
            raise Problem(
                "too-large",
                f"The picture has {self.width} x {self.height} pixels;"
                f" the limit is {MAX_PIXELS // 1_000_000} megapixels.",
            )

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels * SAMPLE_BYTES[self.sample]

    @property
    def nbytes(self) -> int:
        return self.row_bytes * self.height

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, inside the picture it belongs to."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if not all(_is_int(v) and v >= 0 for v in (self.x, self.y)) or not all(
            _is_int(v) and v >= 1 for v in (self.width, self.height)
        ):
            raise Problem("bad-request", "A rectangle needs x, y >= 0 and width, height >= 1.")

    def check_inside(self, image: ImageSpec) -> None:
        if self.x + self.width > image.width or self.y + self.height > image.height:
            raise Problem("bad-request", "The rectangle reaches over the picture's edge.")


@dataclass(frozen=True)
class Settings:
    """What the user chose. The same object from the menu, the command line and the tests.

    strength: 0..1, scales the correction. faces: which faces are retouched
    (``selection``: those whose centre lies in the selection). network: a shipped
    network's name, "" for the default. background: ``keep`` leaves everything but
    the faces' crops untouched, ``relight`` runs the network on the whole frame too.
    mask: return the unfeathered correction and its feather separately, as a layer mask.
    """

    strength: float = 1.0
    faces: str = "all"
    network: str = ""
    background: str = "keep"
    mask: bool = False

    def __post_init__(self) -> None:
        number = isinstance(self.strength, (int, float)) and not isinstance(self.strength, bool)
        if not number or not math.isfinite(self.strength) or not 0 <= self.strength <= 1:
            raise Problem("bad-setting", "The strength must be between 0 and 100 %.")
        if self.faces not in FACES:
            raise Problem("bad-setting", f"faces must be one of {', '.join(FACES)}.")
        if self.background not in BACKGROUNDS:
            raise Problem("bad-setting", f"background must be one of {', '.join(BACKGROUNDS)}.")
        if not isinstance(self.network, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,64}", self.network):
            raise Problem("unknown-network", "A network's name has letters, digits, '.', '-' and '_' only.")
        if not isinstance(self.mask, bool):
            raise Problem("bad-setting", "mask must be true or false.")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def encode(cmd: str, **fields: Any) -> bytes:
    """The header frame of one message."""
    if cmd not in COMMANDS:
        raise ValueError(f"not a command of the contract: {cmd}")
    return json.dumps({"v": PROTOCOL, "cmd": cmd, **fields}, allow_nan=False, separators=(",", ":")).encode()


def decode(frame: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The header of one message, checked for size, form, version and command.

    Raises `Problem` with ``bad-request`` or ``bad-version``.
    """
    if len(frame) > MAX_HEADER_BYTES:
        raise Problem("bad-request", "The message's header is too long.")
    try:
        header = json.loads(bytes(frame).decode("utf-8"))
    except (ValueError, RecursionError):
        raise Problem("bad-request", "The message's header is not JSON.") from None
    if not isinstance(header, dict) or "v" not in header:
        raise Problem("bad-request", "The message's header is not one of this protocol.")
    if header["v"] != PROTOCOL:
        raise Problem("bad-version", f"Protocol version {header['v']!r:.20} meets version {PROTOCOL}.")
    if not isinstance(header.get("cmd"), str) or header["cmd"] not in COMMANDS:
        raise Problem("bad-request", "The message's command is unknown.")
    return header


def problem_from(header: dict[str, Any]) -> Problem:
    """The `Problem` that an ERROR header carries."""
    return Problem(
        str(header.get("code", "internal")),
        str(header.get("message", "The server reported an error without a text.")),
        str(header["hint"]) if "hint" in header else None,
    )
