"""JPEG: 8 bit, grey or RGB. Written with the source's own tables, sampling and segments.

Every application segment of the source (EXIF, XMP, ICC, IPTC, comments) is put into the new
file byte by byte, except those that describe the old coding: Adobe's colour transform and
the index of further pictures that some telephones append; and except previews of the old picture.
"""

from __future__ import annotations

import functools
import io
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from . import exif as exif_format
from . import previews
from .errors import PictureError, damaged, truncated, unsupported
from .picture import (
    New,
    Picture,
    Samples,
    check_size,
    empty,
    orientation_of,
    sane_resolution,
    turn_back,
    turn_upright,
)

QUALITY = 95  # for pictures that were no JPEG before
_APP, _COM, _SOS, _DHT = range(0xE0, 0xF0), 0xFE, 0xDA, 0xC4
_ALONE = frozenset((0x00, *range(0xD0, 0xDA)))  # markers without a length
_OF_SCANS = frozenset((_SOS, _DHT, 0xDB, 0xDD))  # what may stand between scans: tables, restart interval
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_SCANS = 100
MAX_SEGMENTS = 10_000  # of up to 64 KB each; a telephone writes some hundreds
_EXIF, _XMP, _PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_ICC, _ADOBE, _JFIF = b"ICC_PROFILE\0", b"Adobe", b"JFIF"
_X_RESOLUTION, _RESOLUTION_UNIT = 282, 296
_SEGMENT = 65_000  # bytes that surely fit one segment
_START, _END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)  # not part of a scan's data
_SAMPLINGS = {0: "444", 1: "422", 2: "420"}  # as Pillow counts, and as imagecodecs says
_FILLER = bytes(1 + index * 37 % 250 for index in range(64))


@dataclass(frozen=True)
class Source:
    """How the file was coded, and its segments (marker and bytes) as they stood.

    optimised: with Huffman tables of its own; a camera uses the standard's, which costs half the time.
    """

    qtables: dict[int, list[int]]
    sampling: int
    progressive: bool
    segments: tuple[bytes, ...]
    optimised: bool = True


@dataclass(frozen=True)
class Bare:
    """A JPEG for another machine: its picture and profile, how it is turned, and nothing else that it says.

    segments: what the result's file says in the end. notes: as a `Picture`'s.
    """

    data: bytes
    width: int
    height: int
    segments: tuple[bytes, ...]
    notes: tuple[str, ...]

    @property
    def exif(self) -> bytes | None:
        """Return the TIFF block, as a `Picture` has it."""
        return _joined(self.segments, 0xE1, _EXIF, 0) or None


def bare(data: bytes) -> Bare:
    """Take the metadata off, without decoding. Raises `PictureError` when the file is not whole."""
    segments, scan = _segments(data)
    end = _first_end(data)
    if end < scan:
        raise truncated()
    said = _kept(segments)
    kept = tuple(_without_preview(segment) for segment in said)
    orientation = orientation_of(_joined(said, 0xE1, _EXIF, 0))
    tag = struct.pack("<HHIHH", exif_format.ORIENTATION, exif_format.SHORT, 1, orientation, 0)
    turned = _EXIF + struct.pack("<2sHIH12sI", b"II", 42, 8, 1, tag, 0)
    shown = [_segment(0xE1, turned), *(part for part in said if _is(part, 0xE2, _ICC)), *_needed(segments)]
    notes = (previews.LEFT_OUT,) if kept != said else ()
    sent = b"".join([_START, *shown, memoryview(data)[scan : end + len(_END)]])
    width, height = frame_size(sent)
    if not width or not height:
        raise truncated()
    return Bare(sent, width, height, kept, notes)


def finished(coded: bytes, source: Bare) -> bytes:
    """Return the file of a result that another machine has coded, with the source's metadata.

    Nothing but its picture is believed. Raises `PictureError` when that has another size or is none, or when
    more than a scan's own segments stand between its scans.
    """
    later = list(islice(_later_markers(coded), MAX_SEGMENTS))
    sound = later and all(coded[at + 1] in _OF_SCANS for at in later[:-1]) and coded[later[-1] + 1] == _END[1]
    if not sound or not is_of_size(coded, source.width, source.height):
        raise damaged("the server's result is no JPEG of the picture's size")
    return _with_segments(coded, source.segments, later[-1] + len(_END))


def extent(data: bytes) -> tuple[int, int]:
    """Tell from the header how many pixels, and bytes of samples, decoding makes; 0 if it does not say."""
    width, height = frame_size(data)
    return width * height, width * height * 3


def read(data: bytes, new: New = empty) -> Picture:
    """Decode; `new` makes the array of samples. Raises `PictureError` ``bad-image`` or ``too-large``."""
    try:
        segments, scan = _segments(data)
        bare = _bare(data, segments, scan)
        image = _opened(bare, data)
        if data.rfind(_END, scan) < 0:
            raise truncated()
        stored = _decode(bare, new((image.height, image.width, len(image.mode))))
    except PictureError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:  # RuntimeError: imagecodecs'
        raise truncated() if "truncated" in str(error) else damaged(error) from None
    if (image.info.get("progressive") or _ends_grey(stored)) and _ran_out_of_data(bare, stored):
        raise truncated()
    return _picture(image, stored, segments)


def _opened(bare: bytes, data: bytes) -> JpegImagePlugin.JpegImageFile:
    """Have Pillow look at the header. Raises `PictureError` for a kind of JPEG that is not read."""
    with warnings.catch_warnings(action="ignore"):
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(bare))
        check_size(*image.size)
        _check_scans(data)
        if image.mode not in ("L", "RGB"):
            raise unsupported(f"The JPEG's colours are {image.mode}, not RGB or grey.")
    return image


def _picture(image: JpegImagePlugin.JpegImageFile, stored: Samples, segments: list[bytes]) -> Picture:
    """Put the samples together with what the segments say."""
    said = _kept(segments)
    kept = tuple(_without_preview(segment) for segment in said)
    exif = previews.without_exif_preview(_joined(said, 0xE1, _EXIF, 0)) or None
    orientation, progressive = orientation_of(exif), bool(image.info.get("progressive"))
    sampling = JpegImagePlugin.get_sampling(image)
    return Picture(
        turn_upright(stored, orientation),
        "jpeg",
        orientation,
        _profile(said),
        exif,
        next((part[len(_XMP) + 4 :] for part in reversed(said) if _is(part, 0xE1, _XMP)), None),
        sane_resolution(image.info.get("dpi") or _exif_resolution(exif)),
        (previews.LEFT_OUT,) if kept != said else (),
        Source(image.quantization, sampling, progressive, kept, _is_optimised(segments)),
    )


def write(picture: Picture, pixels: Samples) -> bytes:
    """Return the file. pixels: upright uint8 (H, W, 1 or 3). Raises `PictureError` ``bad-output``."""
    _check_holds(pixels)
    stored = turn_back(pixels, picture.orientation)
    source = picture.source if isinstance(picture.source, Source) else None
    if source and (coded := _directly(stored, source)) is not None:
        return _with_segments(coded, source.segments)
    height, width, channels = stored.shape
    image = Image.new("L" if channels == 1 else "RGB", (width, height), None)  # None: not filled first
    image.frombytes(np.ascontiguousarray(stored))
    stream = io.BytesIO()
    image.save(stream, "jpeg", **(_coding(source) if source else _translated(picture)))
    coded = stream.getvalue()
    return _with_segments(coded, source.segments) if source else coded


def _check_holds(pixels: Samples) -> None:
    """Raise `PictureError` ``bad-output`` for samples that no JPEG can hold."""
    if pixels.dtype != np.uint8:
        bits = {"uint16": "16-bit", "float32": "floating-point"}.get(str(pixels.dtype), "these")
        hint = "Name the result .tif (or .png for 16 bit)."
        raise PictureError("bad-output", f"JPEG cannot hold {bits} samples.", hint)
    hint = "Name the result .png or .tif."
    if pixels.shape[2] in (2, 4):
        raise PictureError("bad-output", "JPEG cannot hold transparency.", hint)
    if max(pixels.shape[:2]) > 65_500:
        raise PictureError("bad-output", "JPEG cannot hold a picture this wide or high.", hint)


def _translated(picture: Picture) -> dict[str, Any]:
    """Return for Pillow what another format said."""
    said: dict[str, Any] = {"quality": QUALITY, "subsampling": 0, "icc_profile": picture.icc}
    if picture.exif and len(picture.exif) < _SEGMENT:
        said["exif"] = _EXIF + picture.exif
    if picture.xmp and len(picture.xmp) < _SEGMENT:
        said["xmp"] = picture.xmp
    if picture.resolution:
        said["dpi"] = tuple(round(number) for number in picture.resolution)
    return said


def _directly(stored: Samples, source: Source) -> bytes | None:
    """Return what Pillow would write, without its copy of the samples: a quarter less time.

    None where only Pillow can: for tables that are not those of a quality (1..100), which cameras may have.
    """
    quality = _qualities().get(_numbers(source.qtables))
    if stored.shape[2] != 3 or source.progressive or source.sampling not in _SAMPLINGS or quality is None:
        return None
    subsampling = _SAMPLINGS[source.sampling]
    coded = imagecodecs.jpeg8_encode(stored, quality, subsampling=subsampling, optimize=source.optimised)
    return bytes(coded)


@functools.cache
def _qualities() -> dict[tuple[int, ...], int]:
    """Each quality by the tables of numbers that libjpeg makes of it (ITU T.81, annex K.1, scaled)."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "jpeg", quality=50)  # whose tables are the standard's
    standard = JpegImagePlugin.JpegImageFile(io.BytesIO(stream.getvalue())).quantization
    found = {}
    for quality in range(1, 101):
        percent = 5000 // quality if quality < 50 else 200 - 2 * quality
        scaled = {
            key: [min(max((number * percent + 50) // 100, 1), 255) for number in table]
            for key, table in standard.items()
        }
        found[_numbers(scaled)] = quality
    return found


def _numbers(qtables: dict[int, list[int]]) -> tuple[int, ...]:
    return tuple(number for key in sorted(qtables) for number in (key, *qtables[key]))


def _check_scans(data: bytes) -> None:
    """Refuse many scans: a camera writes one, a progressive file about ten, and each costs a whole pass."""
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise unsupported(f"The JPEG has {scans} scans.", "It may be meant to do harm; else save it anew.")


def is_of_size(data: bytes, width: int, height: int) -> bool:
    """Whether this begins as a JPEG of this stored size does."""
    return data.startswith(_START) and frame_size(data) == (width, height)


def frame_size(data: bytes) -> tuple[int, int]:
    """Width and height as a JPEG's frame header says; (0, 0) when there is none."""
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


def _is_optimised(segments: list[bytes]) -> bool:
    """Whether there are Huffman tables that are not the standard's (ITU T.81, annex K.3)."""
    return not _huffman_tables(segments) <= _standard_tables()


@functools.cache
def _standard_tables() -> frozenset[bytes]:
    """As libjpeg has them: out of a file that it wrote without looking for better ones."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "jpeg", optimize=False)
    return _huffman_tables(_segments(stream.getvalue())[0])


def _huffman_tables(segments: list[bytes]) -> frozenset[bytes]:
    """Each table with its class and number; one segment may hold several."""
    tables = set()
    for segment in segments:
        at = 4
        while segment[1] == _DHT and at + 17 <= len(segment):
            end = at + 17 + sum(segment[at + 1 : at + 17])
            tables.add(segment[at:end])
            at = end
    return frozenset(tables)


def _decode(data: bytes, samples: NDArray[np.uint8]) -> Samples:
    """Fill `samples`, (H, W, 1 or 3); where data are missing libjpeg goes on in grey."""
    imagecodecs.jpeg8_decode(data, out=samples[:, :, 0] if samples.shape[2] == 1 else samples)
    return samples


def _coding(source: Source) -> dict[str, Any]:
    coding: dict[str, Any] = {
        "qtables": source.qtables,
        "progressive": source.progressive,
        "optimize": source.optimised,
    }
    if source.sampling >= 0:
        coding["subsampling"] = source.sampling
    return coding


def _ends_grey(stored: Samples) -> bool:
    """Whether the last block is what libjpeg fills in where data are missing."""
    return bool((stored[-4:, -4:] == 128).all())


def _ran_out_of_data(data: bytes, stored: Samples) -> bool:
    """Whether the decoder ran out of data before the end marker, which libjpeg hides.

    More data put before the marker change the picture then; a complete one ignores them. It is the first
    marker that counts: behind it stand further pictures, or the rest of one that was damaged.
    """
    end = _first_end(data)
    if end < 0:
        return False
    longer = data[:end] + _FILLER + data[end:]
    return not np.array_equal(_decode(longer, np.empty_like(stored)), stored)


def _first_end(data: bytes) -> int:
    """Where the picture ends; -1 if nowhere. Segments between its scans may hold the marker's bytes."""
    return next((at for at in _later_markers(data) if data[at + 1] == _END[1]), -1)


def _later_markers(data: bytes) -> Iterator[int]:
    """Yield where each marker from the first scan's on stands, up to the picture's end."""
    at = _segments(data)[1]
    while (found := _MARKER.search(data, at)) is not None:
        at = found.start()
        yield at
        if found[0] == _END:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _segments(data: bytes) -> tuple[list[bytes], int]:
    """Cut out the segments, each with its marker, up to the first scan; and tell where that begins.

    What stands between them (filling bytes, junk) is passed over, as Pillow does.
    """
    segments: list[bytes] = []
    at = 2
    for _ in range(MAX_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return segments, len(data)
        marker = data[at + 1]
        if marker == _SOS:
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


def _bare(data: bytes, segments: list[bytes], scan: int) -> bytes:
    """Leave out what Pillow would interpret beside the picture: it follows EXIF without a budget."""
    return b"".join([data[:2], *_needed(segments), memoryview(data)[scan:]])


def _needed(segments: list[bytes]) -> list[bytes]:
    """Return the segments without which the picture would be another."""
    return [
        segment
        for segment in segments
        if not _is_application(segment) or _is(segment, 0xE0, _JFIF) or _is(segment, 0xEE, _ADOBE)
    ]


def _is(segment: bytes, marker: int, name: bytes) -> bool:
    return segment[1] == marker and segment.startswith(name, 4)


def _is_application(segment: bytes) -> bool:
    return segment[1] in _APP or segment[1] == _COM


def _kept(segments: list[bytes]) -> tuple[bytes, ...]:
    return tuple(
        segment
        for segment in segments
        if _is_application(segment) and not _is(segment, 0xEE, _ADOBE) and not _is(segment, 0xE2, b"MPF\0")
    )


def _joined(segments: tuple[bytes, ...], marker: int, name: bytes, skipped: int) -> bytes:
    """Join what stands behind `name` and `skipped` bytes more in the segments of that name."""
    return b"".join(segment[4 + len(name) + skipped :] for segment in segments if _is(segment, marker, name))


def _profile(segments: tuple[bytes, ...]) -> bytes | None:
    """Join the pieces of the ICC profile, each of which tells how many there are; None if one is missing."""
    pieces = tuple(sorted(part for part in segments if _is(part, 0xE2, _ICC)))
    whole = bool(pieces) and pieces[0][17:18] == bytes((len(pieces) % 256,))
    return _joined(pieces, 0xE2, _ICC, 2) if whole else None


def _exif_resolution(block: bytes | None) -> tuple[float, float] | None:
    """Pixels per inch as EXIF says; JFIF's own word comes before it."""
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


def _without_preview(segment: bytes) -> bytes:
    """Return the segment without its preview; empty if it is nothing else."""
    if _is(segment, 0xE0, b"JFXX\0"):
        return b""
    body = segment[4:]
    if _is(segment, 0xE1, _EXIF):
        body = _EXIF + previews.without_exif_preview(body[len(_EXIF) :])
    elif _is(segment, 0xED, _PHOTOSHOP):
        body = _PHOTOSHOP + previews.without_photoshop_preview(body[len(_PHOTOSHOP) :])
    return segment if body == segment[4:] else _segment(segment[1], body)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _with_segments(coded: bytes, segments: tuple[bytes, ...], end: int | None = None) -> bytes:
    """`coded`, up to `end`, with its own application segments replaced by `segments`."""
    own, scan = _segments(coded)
    tables = [segment for segment in own if not _is_application(segment)]
    return b"".join([coded[:2], *segments, *tables, memoryview(coded)[scan:end]])
