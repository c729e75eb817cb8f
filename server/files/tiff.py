"""TIFF: 8 and 16 bit and floating point, grey or RGB, with or without alpha, one page.

Written with the source's compression, byte order and tags. tifffile writes the samples; the
directory of tags is then written anew behind them, with every tag of the source as the bytes
that stood there and with EXIF's and GPS's own directories, which tifffile leaves out.
"""

from __future__ import annotations

import io
import logging
import os
import struct
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import tifffile

from . import exif, previews
from .errors import PictureError, damaged, truncated, unsupported
from .jpeg_segments import frame_size
from .picture import (
    MAX_ICC_BYTES,
    New,
    Picture,
    Samples,
    check_size,
    empty,
    sane_resolution,
    turn_back,
    turn_upright,
)

_HINT = "Save it as a TIFF with 8 or 16 bit or 32-bit float, one page, RGB or grey."
_ICC, _XMP, _RESOLUTION = 34675, 700, (282, 283, 296)
# Tags that say how the samples are laid out or belong to other pages; the writer makes them anew.
_LAYOUT = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 292, 293, 297)
    + (301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 338, 339, 340, 341, 342, 347, 512, 513, 514, 529)
    + (530, 531, 532, 559)
)
_PHOTOSHOP = 34377
_INCH = 2
_GREY, _RGB, _YCBCR = 1, 2, 6
_TYPES = ("uint8", "uint16", "float16", "float32")
_JPEG = 7
_ASSOCIATED_ALPHA, _PLAIN_ALPHA = 1, 2
_LOSSLESS = {1: None, 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 50000: "zstd"}
logging.getLogger("tifffile").setLevel(
    logging.CRITICAL
)  # its complaints quote the file; what counts is raised
MAX_PAGES = 64  # looked at: small previews of the first one
MAX_LAYOUT_BYTES = 16 << 20  # 100 megapixels in tiles of 16 x 16 need 6 MB
_STRIP_BYTES = 4_000_000


@dataclass(frozen=True)
class Source:
    """How the file stored its samples, and its tags (with EXIF's and GPS's directories)."""

    dtype: str
    compression: str | None
    predictor: bool
    extrasamples: tuple[int, ...]
    tags: exif.Block


def extent(data: bytes) -> tuple[int, int]:
    """Tell from the first directory alone how many pixels, and bytes of samples, decoding makes."""
    block = exif.parse(data)
    said = {entry.code: _number(entry, block.order) for entry in block.entries} if block else {}
    pixels = said.get(256, 0) * said.get(257, 0)
    return pixels, pixels * min(16, said.get(277, 1) * max(4, (said.get(258, 8) + 7) // 8))


def _number(entry: exif.Entry, order: exif.Order) -> int:
    """Return the first of a tag's whole numbers; 0 for anything else."""
    size = {exif.SHORT: 2, exif.LONG: 4}.get(entry.type, 0)
    if not size or not isinstance(entry.value, bytes):
        return 0
    return int.from_bytes(entry.value[:size], "little" if order == "<" else "big")


def read(data: bytes, new: New = empty) -> Picture:
    """Decode, into memory of tifffile's choice. Raises `PictureError` ``bad-image`` or ``too-large``."""
    try:
        _check_tags(data)
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page, notes = _only_page(file)
            check_size(page.imagewidth, page.imagelength)
            _check_kind(page)
            stored = _samples(page, data)
            source, fewer = _without_preview(_source(page, data))
            notes = notes or fewer
            resolution = _inches(page)
    except PictureError:
        raise
    except Exception as error:  # tifffile and its codecs raise kinds of their own on broken files
        raise damaged(error) from None
    profile = _bytes(source.tags, _ICC)
    return Picture(
        turn_upright(stored, source.tags.orientation),
        "tiff",
        source.tags.orientation,
        profile if profile is None or len(profile) <= MAX_ICC_BYTES else None,
        source.tags.only(lambda code: code not in (_ICC, _XMP)).coded(),
        _bytes(source.tags, _XMP),
        resolution,
        notes,
        source,
    )


def _bytes(tags: exif.Block, code: int) -> bytes | None:
    """Return a tag's bytes as they stand there; tifffile makes text or a number of them, by their type."""
    return next((e.value for e in tags.entries if e.code == code and isinstance(e.value, bytes)), None)


def write(picture: Picture, pixels: Samples) -> bytes:
    """Return the file. pixels: upright uint8, uint16 or float32 (H, W, C)."""
    source = picture.source if isinstance(picture.source, Source) else _translated(picture)
    stored = turn_back(pixels, picture.orientation)
    if stored.dtype.kind == "f":
        stored = stored.astype(source.dtype, copy=False)
    channels = stored.shape[2]
    coding: dict[str, Any] = {
        "photometric": _GREY if channels < 3 else _RGB,
        "planarconfig": "contig" if channels > 1 else None,
        "extrasamples": (source.extrasamples or (_PLAIN_ALPHA,)) if channels in (2, 4) else None,
        "compression": source.compression,
        "predictor": source.predictor,
        "rowsperstrip": max(1, _STRIP_BYTES // stored[0].nbytes),
    }
    flat, stream = stored[:, :, 0] if channels == 1 else stored, io.BytesIO()
    with tifffile.TiffWriter(stream, byteorder=source.tags.order) as writer:
        writer.write(flat, **coding, metadata=None, software=False)
    return _with_tags(stream.getvalue(), source.tags)


def _with_tags(coded: bytes, tags: exif.Block) -> bytes:
    """Return the file with its directory written anew at its end, holding `tags` too."""
    written = exif.parse(coded)
    assert written is not None
    kept = {entry.code for entry in tags.entries}
    entries = (*written.only(lambda code: code not in kept).entries, *tags.entries)
    padded = coded + b"\0" * (len(coded) % 2)
    head = coded[:4] + struct.pack(tags.order + "I", len(padded))
    return head + padded[8:] + exif.serialise(entries, tags.order, len(padded))


def _only_page(file: tifffile.TiffFile) -> tuple[tifffile.TiffPage, tuple[str, ...]]:
    pages = [page.aspage() for page in islice(file.pages, MAX_PAGES)]
    if not pages:
        raise truncated()
    small = [page for page in pages[1:] if int(page.subfiletype) & 1]
    if len(pages) - len(small) > 1:
        some = f"{len(pages)}" if len(pages) < MAX_PAGES else f"{MAX_PAGES} or more"
        raise unsupported(f"The TIFF has {some} pages.", "Save the page you mean as a file of its own.")
    return pages[0], (previews.LEFT_OUT,) if small else ()


def _check_tags(data: bytes) -> None:
    """Refuse tags that overlap, and more strips than a picture has, before tifffile reads them all."""
    try:
        entries = [entry for directory in exif.chain(data, MAX_PAGES) for entry in directory]
    except exif.OverBudget as error:
        raise damaged(error) from None
    except (struct.error, ValueError, OverflowError):
        raise damaged("its directories of tags cannot be followed") from None
    if sum(len(entry.value) for entry in entries if entry.code in _LAYOUT) > MAX_LAYOUT_BYTES:
        raise unsupported(
            "The TIFF lists far more strips than its picture has.", "It may be meant to do harm."
        )


def _check_kind(page: tifffile.TiffPage) -> None:
    coded_as_jpeg = page.photometric == _YCBCR and page.compression == _JPEG  # comes out as RGB
    if page.photometric not in (_GREY, _RGB) and not coded_as_jpeg:
        raise unsupported(f"The TIFF's colours are {_name(page.photometric)}, not RGB or grey.")
    if str(page.dtype) not in _TYPES or page.bitspersample not in (8, 16, 32):
        raise unsupported(f"The TIFF's samples are {page.bitspersample}-bit ({page.dtype}).", _HINT)
    if not 1 <= page.samplesperpixel <= (2 if page.photometric == _GREY else 4):
        raise unsupported(f"The TIFF has {page.samplesperpixel} channels.", _HINT)
    if int(page.compression) not in (*_LOSSLESS, _JPEG):
        sentence = f"The TIFF is compressed with {_name(page.compression)}."
        raise unsupported(sentence, "Save it with LZW or without compression.")
    if page.is_tiled:
        check_size(page.tilewidth, page.tilelength)
    if page.imagedepth > 1:
        raise unsupported("The TIFF is a volume, not a picture.", _HINT)


def _name(number: Any) -> str:
    """Return what tifffile calls one of TIFF's numbers, or the number."""
    return str(getattr(number, "name", number))


def _samples(page: tifffile.TiffPage, data: bytes) -> Samples:
    """(H, W, C) in native byte order; float16 as float32, which holds it exactly."""
    _check_strips(page, data)
    stored: Samples = page.asarray(maxworkers=min(4, os.cpu_count() or 1))
    if stored.ndim == 2:
        stored = stored[:, :, None]
    elif page.planarconfig == 2:
        stored = np.moveaxis(stored, 0, 2)
    if stored.shape != (page.imagelength, page.imagewidth, page.samplesperpixel):
        raise damaged("its tags do not agree with each other")
    if _ASSOCIATED_ALPHA in _extrasamples(page) and not _is_opaque(stored):
        hint = "Save it with plain (unassociated) alpha."
        raise unsupported("The TIFF's colours are multiplied with its transparency.", hint)
    dtype = np.dtype("float32") if stored.dtype.kind == "f" else stored.dtype.newbyteorder("=")
    return np.ascontiguousarray(stored, dtype)


def _check_strips(page: tifffile.TiffPage, data: bytes) -> None:
    """Refuse strips or tiles that are not all there, or are larger than any picture."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if offset + count > len(data) or count == 0:
            raise truncated()
        if page.compression == _JPEG:
            check_size(*frame_size(data[offset : offset + count]))


def _is_opaque(stored: Samples) -> bool:
    full = 1 if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max
    return bool((stored[:, :, -1] == full).all())


def _extrasamples(page: tifffile.TiffPage) -> tuple[int, ...]:
    return tuple(int(kind) for kind in page.extrasamples)


def _source(page: tifffile.TiffPage, data: bytes) -> Source:
    code = int(page.compression)
    tags = exif.parse(data) or exif.Block("<", ())
    return Source(
        np.dtype(page.dtype).name,
        _LOSSLESS.get(code, "deflate"),
        int(page.predictor) != 1 and _LOSSLESS.get(code, "deflate") is not None,
        _extrasamples(page),
        tags.only(lambda code: code not in _LAYOUT),
    )


def _without_preview(source: Source) -> tuple[Source, tuple[str, ...]]:
    """Photoshop's resources lose theirs; with the note about it if there was one."""
    entries = list(source.tags.entries)
    for index, entry in enumerate(entries):
        if entry.code == _PHOTOSHOP and isinstance(entry.value, bytes):
            value = previews.without_photoshop_preview(entry.value)
            entries[index] = replace(entry, count=len(value), value=value)
    tags = replace(source.tags, entries=tuple(entries))
    return replace(source, tags=tags), (previews.LEFT_OUT,) if tags != source.tags else ()


def _inches(page: tifffile.TiffPage) -> tuple[float, float] | None:
    """Pixels per inch from two fractions and their unit (2 inch, 3 centimetre)."""
    values = [page.tags[tag].value for tag in _RESOLUTION if tag in page.tags]
    if len(values) != len(_RESOLUTION) or values[2] not in (2, 3):
        return None
    scale = 1.0 if values[2] == _INCH else 2.54
    try:
        across, down = (scale * number / per for number, per in values[:2])
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return sane_resolution((across, down))


def _translated(picture: Picture) -> Source:
    """Return what another format said, as tags."""
    block = exif.parse(picture.exif) or exif.Block("<", ())
    own = (*_LAYOUT, *_RESOLUTION, _ICC, _XMP)
    entries = list(block.only(lambda code: code not in own).entries)
    for code, kind, value in ((_ICC, 7, picture.icc), (_XMP, 1, picture.xmp)):
        if value:
            entries.append(exif.Entry(code, kind, len(value), value))
    if picture.resolution:
        for code, number in zip(_RESOLUTION, picture.resolution, strict=False):
            fraction = struct.pack(block.order + "II", round(number * 1000), 1000)
            entries.append(exif.Entry(code, 5, 1, fraction))
        entries.append(exif.Entry(_RESOLUTION[2], exif.SHORT, 1, struct.pack(block.order + "H", _INCH)))
    tags = exif.Block(block.order, tuple(entries))
    return Source(picture.pixels.dtype.name, "deflate", picture.pixels.dtype.kind != "f", (), tags)
