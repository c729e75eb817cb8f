"""Small previews inside a file's metadata: they show the face as it was, so they are taken out.

Cameras put one into EXIF's second directory, Photoshop into its own resources. Nothing else
in the metadata is touched or moved: a maker's notes point to places by their offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from . import exif

LEFT_OUT = "The small preview of the old picture inside the file was left out."
_PLACES = ((513, 514), (273, 279))  # where and how long: JPEG previews, uncompressed ones
_RESOURCE, _THUMBNAILS = b"8BIM", (1033, 1036)


def without_exif_preview(data: bytes) -> bytes:
    """Return an EXIF block whose second directory is unlinked and whose preview is overwritten with zeros."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return data
    order: exif.Order = "<" if data[:2] == b"II" else ">"
    try:
        first = struct.unpack_from(order + "I", data, 4)[0]
        link = first + 2 + 12 * struct.unpack_from(order + "H", data, first)[0]
        second = struct.unpack_from(order + "I", data, link)[0]
        preview = exif.directory(data, order, second) if second else ()
    except (struct.error, ValueError):
        return data
    if not second:
        return data
    unlinked = data[:link] + bytes(4) + data[link + 4 :]
    blank = _blanked(unlinked, _samples(preview, order))
    return blank if exif.parse(blank) == exif.parse(data) else unlinked  # else its place is nonsense


def _blanked(data: bytes, places: Iterable[tuple[int, int]]) -> bytes:
    """Overwrite a preview's strips, each a start and a length, with zeros."""
    blank, left = bytearray(data), len(data)
    for start, length in places:
        end = min(start + length, len(blank))
        left -= max(0, end - start)
        if left < 0:  # its strips overlap: it is no preview, and blanking it would take for ever
            return data
        blank[start:end] = bytes(max(0, end - start))
    return bytes(blank)


def _samples(preview: tuple[exif.Entry, ...], order: str) -> Iterator[tuple[int, int]]:
    found = {entry.code: _numbers(entry, order) for entry in preview}
    for places, lengths in _PLACES:
        yield from zip(found.get(places, ()), found.get(lengths, ()), strict=False)


def _numbers(entry: exif.Entry, order: str) -> tuple[int, ...]:
    code = {exif.SHORT: "H", exif.LONG: "I"}.get(entry.type)
    if code is None or not isinstance(entry.value, bytes):
        return ()
    return struct.unpack(f"{order}{entry.count}{code}", entry.value)


def without_photoshop_preview(data: bytes) -> bytes:
    """Photoshop's resources without its thumbnails; as they are where they cannot be followed."""
    kept, at = [], 0
    while data[at : at + 4] == _RESOURCE:
        try:
            number, name = struct.unpack_from(">HB", data, at + 4)
            size_at = at + 6 + (name + 2) // 2 * 2  # the name with its length byte is padded to even
            size = struct.unpack_from(">I", data, size_at)[0]
        except struct.error:
            return data
        end = size_at + 4 + (size + 1) // 2 * 2
        if number not in _THUMBNAILS:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]]) if at <= len(data) + 1 else data
