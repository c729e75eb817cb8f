"""JPEG: 8 bit, grey or RGB. Written with the source's own tables, sampling and segments.

Every application segment of the source (EXIF, XMP, ICC, IPTC, comments) is put into the new
file byte by byte, except those that describe the old coding: Adobe's colour transform and
the index of further pictures that some telephones append; and except previews of the old picture.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from model.data.whole_pictures import only_whole_pictures
from plugin.studio_portrait.link.wire import Problem

from . import previews
from .picture import (
    Picture,
    Samples,
    check_size,
    damaged,
    orientation_of,
    sane_resolution,
    truncated,
    turn_back,
    turn_upright,
    unsupported,
)

QUALITY = 95  # for pictures that were no JPEG before
_APP, _COM, _SOS = range(0xE0, 0xF0), 0xFE, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_SCANS = 100
_EXIF, _PHOTOSHOP = b"Exif\0\0", b"Photoshop 3.0\0"
_SEGMENT = 65_000  # bytes that surely fit one segment
_FILLER = bytes(1 + index * 37 % 250 for index in range(64))


@dataclass(frozen=True)
class Source:
    """How the file was coded, and its segments (marker and bytes) as they stood."""

    qtables: dict[int, list[int]]
    sampling: int
    progressive: bool
    segments: tuple[bytes, ...]


def read(data: bytes) -> Picture:
    """Raises `Problem` ``bad-image`` or ``too-large``."""
    try:
        with warnings.catch_warnings(action="ignore"), only_whole_pictures():
            image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
            check_size(*image.size)
            _check_scans(data)
            if image.mode not in ("L", "RGB"):
                raise unsupported(f"The JPEG's colours are {image.mode}, not RGB or grey.")
            stored = _decode(image)
            exif = image.info.get("exif")
            segments = _kept(_segments(data))
    except Problem:
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise truncated() if "truncated" in str(error) else damaged(error) from None
    progressive = bool(image.info.get("progressive"))
    if (progressive or _ends_grey(stored)) and _is_hungry(data, stored):
        raise truncated()
    exif = previews.without_exif_preview(exif.removeprefix(_EXIF)) if exif else None
    kept = tuple(_without_preview(segment) for segment in segments)
    orientation = orientation_of(exif)
    sampling = JpegImagePlugin.get_sampling(image)
    return Picture(
        turn_upright(stored, orientation),
        "jpeg",
        orientation,
        image.info.get("icc_profile"),
        exif,
        image.info.get("xmp"),
        sane_resolution(image.info.get("dpi")),
        (previews.LEFT_OUT,) if kept != segments else (),
        Source(image.quantization, sampling, progressive, kept),
    )


def write(picture: Picture, pixels: Samples) -> bytes:
    """The file. pixels: upright uint8 (H, W, 1 or 3). Raises `Problem` ``bad-output``."""
    if pixels.dtype != np.uint8:
        bits = {"uint16": "16-bit", "float32": "floating-point"}.get(str(pixels.dtype), "these")
        raise Problem(
            "bad-output", f"JPEG cannot hold {bits} samples.", "Name the result .tif (or .png for 16 bit)."
        )
    if pixels.shape[2] in (2, 4):
        raise Problem("bad-output", "JPEG cannot hold transparency.", "Name the result .png or .tif.")
    if max(pixels.shape[:2]) > 65_500:
        raise Problem(
            "bad-output", "JPEG cannot hold a picture this wide or high.", "Name the result .png or .tif."
        )
    stored = turn_back(pixels, picture.orientation)
    image = Image.fromarray(stored[:, :, 0] if stored.shape[2] == 1 else stored)
    stream = io.BytesIO()
    if isinstance(picture.source, Source):
        image.save(stream, "jpeg", **_coding(picture.source))
        return _with_segments(stream.getvalue(), picture.source.segments)
    extra: dict[str, Any] = {}
    if picture.exif and len(picture.exif) < _SEGMENT:
        extra["exif"] = _EXIF + picture.exif
    if picture.xmp and len(picture.xmp) < _SEGMENT:
        extra["xmp"] = picture.xmp
    if picture.resolution:
        extra["dpi"] = tuple(round(number) for number in picture.resolution)
    image.save(stream, "jpeg", quality=QUALITY, subsampling=0, icc_profile=picture.icc, **extra)
    return stream.getvalue()


def _check_scans(data: bytes) -> None:
    """A camera writes one scan, a progressive file about ten; each costs a pass over the whole picture."""
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise unsupported(f"The JPEG has {scans} scans.", "It may be meant to do harm; else save it anew.")


def frame_size(data: bytes) -> tuple[int, int]:
    """Width and height as a JPEG's frame header says; (0, 0) when there is none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _decode(image: Image.Image) -> Samples:
    stored = np.asarray(image)
    return stored[:, :, None] if stored.ndim == 2 else stored


def _coding(source: Source) -> dict[str, Any]:
    coding: dict[str, Any] = {"qtables": source.qtables, "progressive": source.progressive, "optimize": True}
    if source.sampling >= 0:
        coding["subsampling"] = source.sampling
    return coding


def _ends_grey(stored: Samples) -> bool:
    """Whether the last block is what libjpeg fills in where data are missing."""
    return bool((stored[-4:, -4:] == 128).all())


def _is_hungry(data: bytes, stored: Samples) -> bool:
    """Whether the decoder ran out of data before the end marker, which libjpeg hides.

    More data put before the marker change the picture then; a complete one ignores them.
    """
    end = data.rfind(b"\xff\xd9")
    if end < 0:
        return False
    longer = JpegImagePlugin.JpegImageFile(io.BytesIO(data[:end] + _FILLER + data[end:]))
    try:
        with only_whole_pictures():
            return not np.array_equal(_decode(longer), stored)
    except OSError:
        return True


def _segments(data: bytes) -> list[bytes]:
    """The segments from behind the start marker up to the first scan, each with its marker."""
    segments, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # a filling byte
            at += 1
            continue
        if data[at + 1] == _SOS:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append(data[at:end])
        at = end
    return segments


def _kept(segments: list[bytes]) -> tuple[bytes, ...]:
    foreign = (b"\xff\xee", b"\xff\xe2")
    return tuple(
        segment
        for segment in segments
        if (segment[1] in _APP or segment[1] == _COM)
        and not (segment.startswith(foreign[0]) and segment[4:9] == b"Adobe")
        and not (segment.startswith(foreign[1]) and segment[4:8] == b"MPF\0")
    )


def _without_preview(segment: bytes) -> bytes:
    """The segment without its preview; empty if it is nothing else."""
    if segment.startswith(b"\xff\xe0") and segment[4:9] == b"JFXX\0":
        return b""
    body = segment[4:]
    if segment[1] == 0xE1 and body.startswith(_EXIF):
        body = _EXIF + previews.without_exif_preview(body[len(_EXIF) :])
    elif segment[1] == 0xED and body.startswith(_PHOTOSHOP):
        body = _PHOTOSHOP + previews.without_photoshop_preview(body[len(_PHOTOSHOP) :])
    return segment if body == segment[4:] else segment[:2] + struct.pack(">H", len(body) + 2) + body


def _with_segments(coded: bytes, segments: tuple[bytes, ...]) -> bytes:
    """`coded` with its own application segments replaced by `segments`."""
    own = _segments(coded)
    tables = [segment for segment in own if segment[1] not in _APP and segment[1] != _COM]
    scan = coded[2 + sum(len(segment) for segment in own) :]
    return b"".join([coded[:2], *segments, *tables, scan])
