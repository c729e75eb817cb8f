"""JPEG: 8 bit, grey or RGB. Written with the source's own tables, sampling and segments (`jpeg_segments`)."""

from __future__ import annotations

import functools
import io
import struct
import warnings
from dataclasses import dataclass
from itertools import islice
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from . import exif as exif_format
from . import jpeg_segments, previews
from .errors import PictureError, damaged, truncated, unsupported
from .jpeg_segments import DHT, END, EXIF, ICC, MAX_SEGMENTS, SOS, START
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
# What may stand between scans: tables, restart interval.
_OF_SCANS = frozenset((SOS, DHT, 0xDB, 0xDD))
MAX_SCANS = 100
_SEGMENT = 65_000  # bytes that surely fit one segment
_LONG_VALUE = 1024  # bytes; what is said about a photograph is shorter
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
        return jpeg_segments.exif(self.segments) or None


def bare(data: bytes) -> Bare:
    """Take the metadata off, without decoding. Raises `PictureError` when the file is not whole."""
    segments, scan = jpeg_segments.cut(data)
    end = jpeg_segments.first_end(data)
    if end < scan:
        raise truncated()
    said = jpeg_segments.kept(segments)
    kept = tuple(jpeg_segments.without_preview(segment) for segment in said)
    orientation = orientation_of(jpeg_segments.exif(said))
    tag = struct.pack("<HHIHH", exif_format.ORIENTATION, exif_format.SHORT, 1, orientation, 0)
    turned = EXIF + struct.pack("<2sHIH12sI", b"II", 42, 8, 1, tag, 0)
    shown = [
        jpeg_segments.segment_of(0xE1, turned),
        *(part for part in said if jpeg_segments.is_named(part, 0xE2, ICC)),
        *jpeg_segments.needed(segments),
    ]
    notes = (previews.LEFT_OUT,) if kept != said else ()
    sent = b"".join([START, *shown, memoryview(data)[scan : end + len(END)]])
    width, height = jpeg_segments.frame_size(sent)
    if not width or not height:
        raise truncated()
    return Bare(sent, width, height, kept, notes)


def finished(coded: bytes, source: Bare) -> bytes:
    """Return the file of a result that another machine has coded, with the source's metadata.

    Nothing but its picture is believed. Raises `PictureError` when that has another size or is none, or when
    more than a scan's own segments stand between its scans.
    """
    later = list(islice(jpeg_segments.later_markers(coded), MAX_SEGMENTS))
    sound = later and all(coded[at + 1] in _OF_SCANS for at in later[:-1]) and coded[later[-1] + 1] == END[1]
    if not sound or not jpeg_segments.is_of_size(coded, source.width, source.height):
        raise damaged("the server's result is no JPEG of the picture's size")
    return jpeg_segments.with_segments(coded, source.segments, later[-1] + len(END))


def extent(data: bytes) -> tuple[int, int]:
    """Tell from the header how many pixels, and bytes of samples, decoding makes; 0 if it does not say."""
    width, height = jpeg_segments.frame_size(data)
    return width * height, width * height * 3


def read(data: bytes, new: New = empty) -> Picture:
    """Decode; `new` makes the array of samples. Raises `PictureError` ``bad-image`` or ``too-large``."""
    try:
        segments, scan = jpeg_segments.cut(data)
        bare = jpeg_segments.without_metadata(data, segments, scan)
        image = _opened(bare, data)
        if data.rfind(END, scan) < 0:
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
    said = jpeg_segments.kept(segments)
    kept = tuple(jpeg_segments.without_preview(segment) for segment in said)
    exif = previews.without_exif_preview(jpeg_segments.exif(said)) or None
    orientation, progressive = orientation_of(exif), bool(image.info.get("progressive"))
    sampling = JpegImagePlugin.get_sampling(image)
    return Picture(
        turn_upright(stored, orientation),
        "jpeg",
        orientation,
        jpeg_segments.profile(said),
        exif,
        jpeg_segments.xmp(said),
        sane_resolution(image.info.get("dpi") or jpeg_segments.exif_resolution(exif)),
        (previews.LEFT_OUT,) if kept != said else (),
        Source(image.quantization, sampling, progressive, kept, _is_optimised(segments)),
    )


def write(picture: Picture, pixels: Samples) -> bytes:
    """Return the file. pixels: upright uint8 (H, W, 1 or 3). Raises `PictureError` ``bad-output``."""
    _check_holds(pixels)
    stored = turn_back(pixels, picture.orientation)
    source = picture.source if isinstance(picture.source, Source) else None
    if source and (coded := _directly(stored, source)) is not None:
        return jpeg_segments.with_segments(coded, source.segments)
    height, width, channels = stored.shape
    image = Image.new("L" if channels == 1 else "RGB", (width, height), None)  # None: not filled first
    image.frombytes(np.ascontiguousarray(stored))
    stream = io.BytesIO()
    image.save(stream, "jpeg", **(_coding(source) if source else _translated(picture)))
    coded = stream.getvalue()
    return jpeg_segments.with_segments(coded, source.segments) if source else coded


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
    if picture.exif and (exif := _in_one_segment(picture.exif)):
        said["exif"] = EXIF + exif
    if picture.xmp and len(picture.xmp) < _SEGMENT:
        said["xmp"] = picture.xmp
    if picture.resolution:
        said["dpi"] = tuple(round(number) for number in picture.resolution)
    return said


def left_out(picture: Picture) -> tuple[str, ...]:
    """Return a note about what of another format's picture has no room in a JPEG."""
    exif, xmp = picture.exif or b"", picture.xmp or b""
    long = {"the XMP packet": len(xmp) >= _SEGMENT, "values in EXIF": _in_one_segment(exif) != exif}
    told = " and ".join(name for name, is_long in long.items() if is_long)
    return (f"Left out, because a JPEG has no room for it: {told}.",) if told else ()


def _in_one_segment(block: bytes) -> bytes:
    """Return EXIF without its largest values where it is too long: what Photoshop adds to a TIFF's tags.

    Empty if it is too long all the same.
    """
    tags = exif_format.parse(block) if len(block) >= _SEGMENT else None
    if tags is not None:
        kept = (tag for tag in tags.entries if isinstance(tag.value, tuple) or len(tag.value) < _LONG_VALUE)
        block = exif_format.Block(tags.order, tuple(kept)).coded()
    return block if len(block) < _SEGMENT else b""


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


def _is_optimised(segments: list[bytes]) -> bool:
    """Whether there are Huffman tables that are not the standard's (ITU T.81, annex K.3)."""
    return not _huffman_tables(segments) <= _standard_tables()


@functools.cache
def _standard_tables() -> frozenset[bytes]:
    """As libjpeg has them: out of a file that it wrote without looking for better ones."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "jpeg", optimize=False)
    return _huffman_tables(jpeg_segments.cut(stream.getvalue())[0])


def _huffman_tables(segments: list[bytes]) -> frozenset[bytes]:
    """Each table with its class and number; one segment may hold several."""
    tables = set()
    for segment in segments:
        at = 4
        while segment[1] == DHT and at + 17 <= len(segment):
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
    end = jpeg_segments.first_end(data)
    if end < 0:
        return False
    longer = data[:end] + _FILLER + data[end:]
    return not np.array_equal(_decode(longer, np.empty_like(stored)), stored)
