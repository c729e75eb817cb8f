"""The wire contract's one definition: headers, images, settings, limits, errors.

``server/PROTOCOL.md`` says the same in words. A message is a list of frames: first
a small JSON header, then at most one frame of raw bytes. Nothing here touches a
socket, so that both ends, the tests and a fuzzer can use it alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from . import hints
from .sliders import SLIDERS
from .version import PROTOCOL

MAX_HEADER_BYTES = 64 * 1024
MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535
MAX_ICC_BYTES = 4 * 1024 * 1024
STRIP_BYTES = 4 * 1024 * 1024  # what a sender aims at per DATA frame
MAX_PREVIEW_BYTES = 4 * 1024 * 1024  # of a PREVIEW's rows
MAX_FRAME_BYTES = 16 * 1024 * 1024  # what a receiver accepts; one row always fits below it

SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}  # native byte order; both ends share the machine
HEADSHOT = "headshot"  # the network that matches a reference portrait, and the only one that takes one
MAX_REFERENCE_SIDE = 2080  # pixels: a reference is looked at in a 512-pixel square
FACES = ("all", "largest", "selection")
MAX_FACES = 1000
REACHES = ("face", "skin", "person", "frame")

COMMANDS = frozenset(
    ("HELLO", "CHALLENGE", "SUBMIT", "ACCEPT", "DATA", "PROGRESS", "RESULT", "FETCH", "DONE", "CANCEL")
    + ("ANALYSE", "ANALYSED", "PREVIEW", "RENDER")
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
    "bad-request": "This is a fault in the program; please report it and add the log.",
    "bad-version": "Run install.py again, so that plug-in and server have the same version.",
    "bad-token": "Run {stop}, then try again.",
    "bad-key": "Run {keys list} here and on the server: each must know the other's key.",
    "bad-image": "Open the picture in an image editor and save it again.",
    "bad-output": "Choose another place for the result.",
    "bad-setting": "Run {retouch --help} to see what is allowed.",
    "no-face": "Take a picture in which the face is larger, or less turned away or covered.",
    "too-large": f"At most {MAX_PIXELS // 1_000_000} megapixels: scale the picture down, or crop it.",
    "unknown-network": "Run {status --json} to see the networks that are installed.",
    "unknown-job": "Try again.",
    "busy": "Wait until the jobs before it are done, then try again.",
    "cancelled": "Nothing was changed.",
    "out-of-memory": "Close other programs, or scale the picture down.",
    "worker-died": "Try again; if it happens twice, see the server's log.",
    "rejected": "Do not send this picture again with these settings, and report it with the server's log.",
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
        """Count the bytes of a row."""
        return self.width * self.channels * SAMPLE_BYTES[self.sample]

    @property
    def nbytes(self) -> int:
        """Count the bytes of the whole picture."""
        return self.row_bytes * self.height

    @property
    def has_alpha(self) -> bool:
        """Return whether the last channel is opacity."""
        return self.channels in (2, 4)

    @property
    def is_reference(self) -> bool:
        """Return whether a reference portrait may have this form."""
        small = max(self.width, self.height) <= MAX_REFERENCE_SIDE
        return small and (self.channels, self.sample) == (3, "u8")


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
        """Raise `Problem` ``bad-request`` unless the rectangle lies within the picture."""
        if self.x + self.width > image.width or self.y + self.height > image.height:
            raise Problem("bad-request", "The rectangle reaches over the picture's edge.")


@dataclass(frozen=True)
class Settings:
    """What the user chose. Dialog, command line, presets and wire use the same names.

    strength: 0..1, scales everything below. shine: how much of the surface reflection is taken away, 0..1.
    light: how far light and shadows are evened out, 0..1. colour: how much of the correction of a colour
    cast is applied, 0..1. warmth, brightness: the user's own, on top, -1..1, 0 for none. reach: how far
    all this reaches: ``face``, ``skin``, ``person`` (skin, hair and clothes) or ``frame`` (what is
    decided once for the person is applied to the whole picture). faces: ``all``, ``largest``,
    ``selection`` (those whose centre lies in the selection), or a tuple of indices into the faces found, the
    largest first. limit: whether a selection limits where anything changes; else it only chooses faces.
    network: a shipped network's name, "" for the default. mask: return the unfeathered
    correction and its feather separately, as a layer mask.

    With strength 0, or with all other sliders 0, nothing is changed.
    Raises `Problem` ``bad-setting`` or ``unknown-network``.
    """

    strength: float = 1.0
    shine: float = 0.6
    light: float = 0.6
    colour: float = 0.6
    warmth: float = 0.0
    brightness: float = 0.0
    reach: str = "person"
    faces: str | tuple[int, ...] = "all"
    limit: bool = True
    network: str = ""
    mask: bool = False

    def __post_init__(self) -> None:
        for name, slider in SLIDERS.items():
            value, least = getattr(self, name), slider.least
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not least <= value <= 1:  # NaN is not; an integer may be too large for a float
                raise Problem("bad-setting", f"{name} must be between {least * 100} and 100 %.")
        if self.reach not in REACHES:
            raise Problem("bad-setting", f"reach must be one of {', '.join(REACHES)}.")
        self._check_faces()
        if not isinstance(self.network, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,64}", self.network):
            raise Problem("unknown-network", "A network's name has letters, digits, '.', '-' and '_' only.")
        for name in ("limit", "mask"):
            if not isinstance(getattr(self, name), bool):
                raise Problem("bad-setting", f"{name} must be true or false.")

    def _check_faces(self) -> None:
        faces = self.faces
        if isinstance(faces, (list, tuple)):
            if len(faces) > MAX_FACES or not all(
                _is_int(index) and 0 <= index < MAX_FACES for index in faces
            ):
                raise Problem("bad-setting", f"faces must be whole numbers below {MAX_FACES}.")
            object.__setattr__(self, "faces", tuple(sorted(set(faces))))  # JSON knows no tuple
        elif faces not in FACES:
            raise Problem("bad-setting", f"faces must be one of {', '.join(FACES)}, or a list of indices.")

    @property
    def does_nothing(self) -> bool:
        """Whether no pixel can change, whatever is found in the picture."""
        return self.strength == 0 or not any(getattr(self, name) for name in SLIDERS if name != "strength")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them on the wire."""
        return asdict(self)


def check_reference(settings: Settings, reference: ImageSpec | None) -> None:
    """Raise `Problem` unless the reference portrait goes with the network and has an allowed form."""
    wanted = settings.network == HEADSHOT
    if wanted and reference is None:
        raise Problem(
            "bad-setting",
            f"The network {HEADSHOT} needs a reference portrait to match.",
            "Choose the file of a portrait whose look the face shall have.",
        )
    if reference is not None and not wanted:
        raise Problem(
            "bad-setting",
            "A portrait to match was given, but this network does not use one.",
            f"Choose the network {HEADSHOT}, or leave the portrait out.",
        )
    if reference is not None and not reference.is_reference:
        sentence = f"A reference is 8-bit RGB of at most {MAX_REFERENCE_SIDE} pixels a side."
        raise Problem("bad-request", sentence)


def found_nobody(result: dict[str, Any]) -> bool:
    """Return whether RESULT's header says that nothing was done for want of a face that was asked for."""
    return result.get("box") is None and not any(face["used"] for face in result["faces"])


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def encode(cmd: str, **fields: Any) -> bytes:
    """Return the header frame of one message."""
    if cmd not in COMMANDS:
        raise ValueError(f"not a command of the contract: {cmd}")
    return json.dumps({"v": PROTOCOL, "cmd": cmd, **fields}, allow_nan=False, separators=(",", ":")).encode()


def decode(frame: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Return the header of one message, checked for size, form, version and command.

    Raises `Problem` with ``bad-request`` or ``bad-version``.
    """
    header = _json_of(frame)
    if not isinstance(header, dict) or "v" not in header:
        raise Problem("bad-request", "The message's header is not one of this protocol.")
    if header["v"] != PROTOCOL:
        version = header["v"] if isinstance(header["v"], (int, str)) else None
        raise Problem(
            "bad-version", f"Plug-in and server do not match: versions {version!r:.20} and {PROTOCOL}."
        )
    if not isinstance(header.get("cmd"), str) or header["cmd"] not in COMMANDS:
        raise Problem("bad-request", "The message's command is unknown.")
    return header


def _json_of(frame: bytes | bytearray | memoryview) -> Any:
    if len(frame) > MAX_HEADER_BYTES:
        raise Problem("bad-request", "The message's header is too long.")
    try:
        text = bytes(frame).decode("utf-8")
        header = json.loads(text)
        if "\\u" in text:  # half of a surrogate pair is no text: nothing behind this could encode it
            json.dumps(header, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Problem("bad-request", "The message's header is not JSON.") from None
    return header


def problem_from(header: dict[str, Any]) -> Problem:
    """Return the `Problem` that an ERROR header carries."""
    return Problem(
        str(header.get("code", "internal")),
        str(header.get("message", "The server reported an error without a text.")),
        str(header["hint"]) if "hint" in header else None,
    )


def proof(token: str, nonce: str) -> str:
    """Return what only a side that knows the token can answer to the other's nonce."""
    return hmac.new(token.encode(), nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
