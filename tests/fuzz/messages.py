"""What the fuzzing sends: valid conversations, and ways to spoil them.

Everything comes from a `random.Random` with a seed of its own, so that one number gives one input again.
"""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

from plugin.studio_portrait.link import wire, zmtp

JOB = "0123456789abcdef" * 2
IMAGE = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}
SELECTION = {"x": 1, "y": 1, "width": 2, "height": 2}
SETTINGS = {"strength": 1.0, "faces": "all", "network": "", "mask": True}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 4, 5, 16, 255, 65_535, 65_536, 2**31, 2**32, 2**63, 2**64, 10**30),
    *(0.0, -0.5, 0.5, 1e308, -1e-308, "", "0", "u8", "f32", JOB, "pixels", "selection", "mask", "ü" * 40),
    *("\0", "../../x", "x" * 5000, [], {}, [[]], {"": None}, IMAGE, SELECTION, SETTINGS),
)
FIELDS = ("job", "keep", "file", "series", "proof", "nonce", "token", "idle", "extra")  # that may be missing
BYTES = (b"", b"\0", b"\xff", b"\x7f", b"\x00\x00", b"\xff" * 8, b"\x02" + b"\xff" * 8, b"\x7f" + b"\xff" * 7)


def conversation(
    token: str, job: str = JOB, analyses: bool = False
) -> list[tuple[str, dict[str, Any], bytes | None]]:
    """Command, fields and payload of each message of a whole job.

    analyses: of one that is kept, looked at and rendered.
    """
    command = "ANALYSE" if analyses else "SUBMIT"
    looks: list[tuple[str, dict[str, Any], bytes | None]] = [
        ("PREVIEW", {"job": job, "rect": SELECTION, "width": 2, "height": 2, "settings": SETTINGS}, None),
        ("RENDER", {"job": job, "settings": SETTINGS}, None),
    ]
    return [
        ("HELLO", {"token": token, "client": "fuzz", "nonce": "a" * 32}, None),
        ("PING", {}, None),
        (command, {"job": job, "image": IMAGE, "settings": SETTINGS, "selection": SELECTION}, b"icc"),
        ("DATA", {"job": job, "plane": "pixels", "row": 0, "rows": 2}, bytes(8)),
        ("DATA", {"job": job, "plane": "pixels", "row": 2, "rows": 2}, bytes(8)),
        ("DATA", {"job": job, "plane": "selection", "row": 0, "rows": 2}, b"\xff" * 4),
        *(looks if analyses else []),
        ("STATUS", {"token": token}, None),
        ("FETCH", {"job": job, "plane": "pixels", "row": 0, "rows": 1}, None),
        ("FETCH", {"job": job, "plane": "mask", "row": 0, "rows": 1}, None),
        ("DONE", {"job": job}, None),
        ("CANCEL", {"job": job}, None),
    ]


def framed(frames: list[bytes]) -> bytes:
    """One message as it goes over the wire."""
    parts = []
    for index, frame in enumerate(frames):
        parts += [zmtp.head(len(frame), zmtp.MORE if index < len(frames) - 1 else 0), frame]
    return b"".join(parts)


def greeting(ready: bytes) -> bytes:
    return zmtp.GREETING + zmtp.head(len(ready), zmtp.COMMAND) + ready


def spoiled_header(dice: random.Random, command: str, fields: dict[str, Any]) -> bytes:
    """A header of which one thing or a few are not as they should be."""
    header: dict[str, Any] = {"v": 1, "cmd": command, **json.loads(json.dumps(fields))}
    for _ in range(dice.choice((0, 1, 1, 1, 2, 5))):
        place = header
        inner = [value for value in header.values() if isinstance(value, dict) and value]
        if inner and dice.random() < 0.4:
            place = dice.choice(inner)
        name = dice.choice(list(place) or ["job"])
        action = dice.random()
        if action < 0.2:
            place.pop(name, None)
        elif action < 0.3:
            place[dice.choice(FIELDS)] = deepcopy(dice.choice(ODD))
        else:
            place[name] = deepcopy(dice.choice(ODD))
    try:
        return json.dumps(header).encode()
    except (ValueError, RecursionError):
        return wire.encode("PING")


def spoiled(dice: random.Random, data: bytes) -> bytes:
    """The bytes with a few of them changed, left out, doubled or moved."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(changed) + 1)
        end = min(len(changed), at + dice.choice((1, 1, 2, 8, 64)))
        action = dice.randrange(6)
        if action == 0 and at < len(changed):
            changed[at] ^= 1 << dice.randrange(8)
        elif action == 1:
            changed[at:end] = b""
        elif action == 2:
            changed[at:at] = changed[at:end] * dice.choice((1, 2, 50))
        elif action == 3:
            changed[at:end] = dice.choice(BYTES)
        elif action == 4:
            changed[at:at] = dice.randbytes(dice.choice((1, 2, 9, 70)))
        else:
            del changed[at:]
    return bytes(changed)


def spoiled_messages(dice: random.Random, token: str) -> list[list[bytes]]:
    """Some messages, each a list of frames; spoiled in their headers, in their frames, or in both."""
    job = JOB if dice.random() < 0.05 else f"{dice.getrandbits(128):032x}"  # each name is used once
    messages = conversation(token, job, dice.random() < 0.4)[: dice.randint(1, 13)]
    if dice.random() < 0.3:
        dice.shuffle(messages)
    told = []
    for command, fields, payload in messages:
        valid = dice.random() < 0.6
        header = wire.encode(command, **fields) if valid else spoiled_header(dice, command, fields)
        told.append([header] if payload is None else [header, payload])
        if dice.random() < 0.1:
            told[-1] = [header, b"", b"x"][: dice.randint(1, 3)] * dice.choice((1, 1, 5))
        elif dice.random() < 0.1:
            told[-1][0] = spoiled(dice, header)
    return told


def spoiled_conversation(dice: random.Random, token: str) -> tuple[bytes, bytes]:
    """What comes before and after ZeroMQ's handshake, in bytes, one of them perhaps spoiled."""
    told = [framed(message) for message in spoiled_messages(dice, token)]
    start = greeting(zmtp.READY)
    if dice.random() < 0.1:
        start = spoiled(dice, start)
    elif dice.random() < 0.5:
        at = dice.randrange(len(told))
        told[at] = spoiled(dice, told[at])
    return start, b"".join(told)
