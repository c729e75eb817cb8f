"""A JPEG's segments: what a file says beside its picture, found, taken off and put into a new file.

Every application segment of the source (EXIF, XMP, ICC, IPTC, comments) is put into the new
file byte by byte, except those that describe the old coding: Adobe's colour transform and
the index of further pictures that some telephones append; and except previews of the old picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from . import exif as exif_format
from . import previews
from .errors import unsupported

_APP, _COM, SOS, DHT = range(0xE0, 0xF0), 0xFE, 0xDA, 0xC4
_ALONE = frozenset((0x00, *range(0xD0, 0xDA)))  # markers without a length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_SEGMENTS = 10_000  # of up to 64 KB each; a telephone writes some hundreds
EXIF, _XMP, _PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
ICC, _ADOBE, _JFIF = b"ICC_PROFILE\0", b"Adobe", b"JFIF"
_X_RESOLUTION, _RESOLUTION_UNIT = 282, 296
START, END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)  # not part of a scan's data


def cut(data: bytes) -> tuple[list[bytes], int]:
    """Cut out the segments, each with its marker, up to the first scan; and tell where that begins.

    What stands between them (filling bytes, junk) is passed over, as Pillow does. Raises `PictureError` for
    more than `MAX_SEGMENTS`.
    """
    segments: list[bytes] = []
    at = 2
    for _ in range(MAX_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return segments, len(data)
        marker = data[at + 1]
        if marker == SOS:
            return segments, at
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            segments.append(data[at:end])
            at = end
    raise unsupported(f"The JPEG has more than {MAX_SEGMENTS} segments.", "It may be meant to do harm.")


def without_metadata(data: bytes, segments: list[bytes], scan: int) -> bytes:
    """Leave out what Pillow would interpret beside the picture: it follows EXIF without a budget.

    segments, scan: as `cut` returned them.
    """
    return b"".join([data[:2], *needed(segments), memoryview(data)[scan:]])


def needed(segments: list[bytes]) -> list[bytes]:
    """Return the segments without which the picture would be another."""
    return [
        segment
        for segment in segments
        if not _is_application(segment) or is_named(segment, 0xE0, _JFIF) or is_named(segment, 0xEE, _ADOBE)
    ]


def is_named(segment: bytes, marker: int, name: bytes) -> bool:
    """Return whether a segment has this marker and begins with this name."""
    return segment[1] == marker and segment.startswith(name, 4)


def _is_application(segment: bytes) -> bool:
    return segment[1] in _APP or segment[1] == _COM


def kept(segments: list[bytes]) -> tuple[bytes, ...]:
    """Return those that a new file of the picture shall have, too."""
    return tuple(
        segment
        for segment in segments
        if _is_application(segment)
        and not is_named(segment, 0xEE, _ADOBE)
        and not is_named(segment, 0xE2, b"MPF\0")
    )


def _joined(segments: tuple[bytes, ...], marker: int, name: bytes, skipped: int) -> bytes:
    """Join what stands behind `name` and `skipped` bytes more in the segments of that name."""
    return b"".join(
        segment[4 + len(name) + skipped :] for segment in segments if is_named(segment, marker, name)
    )


def exif(segments: tuple[bytes, ...]) -> bytes:
    """Return EXIF's TIFF block; empty when there is none."""
    return _joined(segments, 0xE1, EXIF, 0)


def xmp(segments: tuple[bytes, ...]) -> bytes | None:
    """Return the last XMP packet; None when there is none."""
    return next((part[4 + len(_XMP) :] for part in reversed(segments) if is_named(part, 0xE1, _XMP)), None)


def profile(segments: tuple[bytes, ...]) -> bytes | None:
    """Join the pieces of the ICC profile, each of which tells how many there are; None if one is missing."""
    pieces = tuple(sorted(part for part in segments if is_named(part, 0xE2, ICC)))
    whole = bool(pieces) and pieces[0][17:18] == bytes((len(pieces) % 256,))
    return _joined(pieces, 0xE2, ICC, 2) if whole else None


def exif_resolution(block: bytes | None) -> tuple[float, float] | None:
    """Return pixels per inch as EXIF says, None without it; JFIF's own word comes before."""
    tags = exif_format.parse(block)
    if tags is None:
        return None
    found = {entry.code: entry.value for entry in tags.entries if isinstance(entry.value, bytes)}
    fraction, unit = found.get(_X_RESOLUTION, b""), found.get(_RESOLUTION_UNIT, b"")
    if len(fraction) != 8 or len(unit) != 2:
        return (72.0, 72.0)  # EXIF's own default
    number, per = struct.unpack(tags.order + "II", fraction)
    scale = 2.54 if struct.unpack(tags.order + "H", unit)[0] == 3 else 1.0
    return (scale * number / per, scale * number / per) if per else (72.0, 72.0)


def without_preview(segment: bytes) -> bytes:
    """Return the segment without its preview; empty if it is nothing else."""
    if is_named(segment, 0xE0, b"JFXX\0"):
        return b""
    body = segment[4:]
    if is_named(segment, 0xE1, EXIF):
        body = EXIF + previews.without_exif_preview(body[len(EXIF) :])
    elif is_named(segment, 0xED, _PHOTOSHOP):
        body = _PHOTOSHOP + previews.without_photoshop_preview(body[len(_PHOTOSHOP) :])
    return segment if body == segment[4:] else segment_of(segment[1], body)


def segment_of(marker: int, body: bytes) -> bytes:
    """Make a segment. body: less than 64 KB."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(coded: bytes, segments: tuple[bytes, ...], end: int | None = None) -> bytes:
    """Return `coded`, up to `end`, with its own application segments replaced by `segments`."""
    own, scan = cut(coded)
    tables = [segment for segment in own if not _is_application(segment)]
    return b"".join([coded[:2], *segments, *tables, memoryview(coded)[scan:end]])


def is_of_size(data: bytes, width: int, height: int) -> bool:
    """Return whether this begins as a JPEG of this stored size does."""
    return data.startswith(START) and frame_size(data) == (width, height)


def frame_size(data: bytes) -> tuple[int, int]:
    """Return width and height as a JPEG's frame header says; (0, 0) when there is none."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        alone = 1 if marker == 0xFF else 2 if marker in _ALONE else 0
        at += alone or 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def first_end(data: bytes) -> int:
    """Find where the picture ends; -1 if nowhere. Segments between its scans may hold the marker's bytes."""
    return next((at for at in later_markers(data) if data[at + 1] == END[1]), -1)


def later_markers(data: bytes) -> Iterator[int]:
    """Yield where each marker from the first scan's on stands, up to the picture's end."""
    at = cut(data)[1]
    while (found := _MARKER.search(data, at)) is not None:
        at = found.start()
        yield at
        if found[0] == END:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
