"""PNG: 8 and 16 bit, grey or RGB, with or without alpha. Chunks that are not samples are kept.

Pillow reads 16-bit RGB as 8 bit, so libpng (imagecodecs) codes the samples, and the chunks
are taken over byte by byte here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import imagecodecs

from . import previews
from .errors import PictureError, damaged, truncated, unsupported
from .picture import (
    MAX_ICC_BYTES,
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

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 4  # zlib's; 6 takes three times as long for 8 % less
_PALETTE, _XMP = 3, b"XML:com.adobe.xmp\0\0\0\0\0"
_SAMPLES = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")  # written anew
_OF_STORED_KIND = (b"hIST", b"sPLT", b"bKGD", b"sBIT")
_INCH = 0.0254
MAX_CHUNKS = 10_000
_PIECE = 1 << 18  # so much is unfolded at a time


@dataclass(frozen=True)
class Chunk:
    """One chunk of a PNG file."""

    name: bytes
    data: bytes

    def coded(self) -> bytes:
        """Return it as it stands in a file: length, name, data, checksum."""
        checksum = zlib.crc32(self.name + self.data)
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", checksum)


def extent(data: bytes) -> tuple[int, int]:
    """Tell from the header alone how many pixels, and bytes of samples, decoding makes at most."""
    if len(data) < 33:
        return 0, 0
    width, height, bits = struct.unpack(">IIB", data[16:25])
    return width * height, width * height * (8 if bits > 8 else 4)


def read(data: bytes, new: New = empty) -> Picture:
    """Decode, into memory of libpng's choice. Raises `PictureError` ``bad-image`` or ``too-large``."""
    if len(data) < 33:
        raise truncated()
    width, height, bits, colours = struct.unpack(">IIBB", data[16:26])
    check_size(width, height)
    chunks = list(islice(_chunks(data), MAX_CHUNKS + 1))
    _check_kind(chunks, bits, colours)
    _check_rows(data, height * (1 + width * 8))
    stored = _decoded(data)
    found = {chunk.name: chunk.data for chunk in chunks}
    exif = previews.without_exif_preview(found[b"eXIf"]) if found.get(b"eXIf") else None
    orientation = orientation_of(exif)
    converted = (f"The {bits}-bit grey was converted to 8 bit.",) if bits < 8 else ()
    return Picture(
        turn_upright(stored, orientation),
        "png",
        orientation,
        _profile(found.get(b"iCCP")),
        exif,
        next((chunk.data[len(_XMP) :] for chunk in chunks if chunk.data.startswith(_XMP)), None),
        _resolution(found.get(b"pHYs")),
        converted + ((previews.LEFT_OUT,) if exif != found.get(b"eXIf") else ()),
        source=_kept(chunks, exif, bits < 8 or b"tRNS" in found),
    )


def _check_kind(chunks: list[Chunk], bits: int, colours: int) -> None:
    """Raise `PictureError` for a kind of PNG that is not read."""
    if len(chunks) > MAX_CHUNKS:
        sentence = f"The PNG has more than {MAX_CHUNKS} chunks of metadata."
        raise unsupported(sentence, "It may be meant to do harm.")
    if any(chunk.name == b"acTL" for chunk in chunks):
        raise unsupported("The PNG is animated.", "Save one of its pictures as a PNG of its own.")
    if colours == _PALETTE:
        hint = "In GIMP choose Image > Mode > RGB, then export it."
        raise unsupported("The PNG has indexed colours.", hint)
    if bits == 1:
        raise unsupported("The PNG has only black and white (1 bit).")


def _decoded(data: bytes) -> Samples:
    """Return the samples, (H, W, C)."""
    try:
        stored: Samples = imagecodecs.png_decode(_bare(data))
    except imagecodecs.PngError as error:
        raise damaged(error) from None
    except ValueError:  # imagecodecs cannot decode libpng's own message about a garbled chunk
        raise damaged("a chunk is garbled") from None
    return stored[:, :, None] if stored.ndim == 2 else stored


def _kept(chunks: list[Chunk], exif: bytes | None, expanded: bool) -> tuple[Chunk, ...]:
    """Return what is written again. expanded: the samples are of another kind than they are stored as."""
    unwanted = _SAMPLES + (_OF_STORED_KIND if expanded else ())
    return tuple(
        Chunk(chunk.name, exif) if chunk.name == b"eXIf" and exif else chunk
        for chunk in chunks
        if chunk.name not in unwanted
    )


def write(picture: Picture, pixels: Samples) -> bytes:
    """Return the file. pixels: upright uint8 or uint16 (H, W, C). Raises `PictureError` ``bad-output``."""
    if pixels.dtype.kind == "f":
        raise PictureError("bad-output", "PNG cannot hold floating-point samples.", "Name the result .tif.")
    stored = turn_back(pixels, picture.orientation)
    coded = imagecodecs.png_encode(stored[:, :, 0] if stored.shape[2] == 1 else stored, level=_LEVEL)
    kept = picture.source if picture.format == "png" else tuple(_translated(picture))
    head = len(SIGNATURE) + 25  # the signature and IHDR
    return b"".join([coded[:head], *(chunk.coded() for chunk in kept), coded[head:]])


def _walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each chunk begins and ends, as it says, and its name."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        yield at, at + 12 + length, name
        at += 12 + length


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Give every chunk but those of samples, its checksum verified; libpng would forgive a missing end."""
    for at, end, name in _walk(data):
        if end > len(data):
            break
        body = data[at + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end], "big"):
            raise damaged(f"a checksum is wrong ({name.decode('latin-1')} at byte {at})")
        if name == b"IEND":
            return
        if name != b"IDAT":
            yield Chunk(name, body)
    raise truncated()


def _bare(data: bytes) -> bytes:
    """Leave out of the file what libpng would unfold beside the picture: text and profiles, 8 MB each."""
    parts, start = [], 0
    for at, end, name in _walk(data):
        if name not in _SAMPLES:
            parts.append(data[start:at])
            start = end
    return b"".join([*parts, data[start:]]) if parts else data


def _check_rows(data: bytes, most: int) -> None:
    """Refuses rows that unfold to more than `most` bytes and a half: libpng would unfold them to the end."""
    unpacker, unfolded = zlib.decompressobj(), 0
    try:
        for at, end, name in _walk(data):
            rest = data[at + 8 : end - 4] if name == b"IDAT" else b""
            while rest and not unpacker.eof:
                unfolded += len(unpacker.decompress(rest, _PIECE))
                rest = unpacker.unconsumed_tail
                if unfolded > most + most // 2 + _PIECE:
                    sentence = "The PNG holds far more than its picture."
                    raise unsupported(sentence, "It may be meant to do harm.")
    except zlib.error as error:
        raise damaged(error) from None


def _profile(data: bytes | None) -> bytes | None:
    if data is None:
        return None
    try:
        profile = zlib.decompressobj().decompress(data[data.index(b"\0") + 2 :], MAX_ICC_BYTES + 1)
        return profile if len(profile) <= MAX_ICC_BYTES else None
    except (ValueError, zlib.error):
        return None


def _resolution(data: bytes | None) -> tuple[float, float] | None:
    if data is None or len(data) != 9 or data[8] != 1:
        return None
    across, down = struct.unpack(">II", data[:8])
    return sane_resolution((across * _INCH, down * _INCH))


def _translated(picture: Picture) -> Iterator[Chunk]:
    """Yield what another format said, as chunks."""
    if picture.icc:
        yield Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc))
    if picture.resolution:
        across, down = (round(number / _INCH) for number in picture.resolution)
        yield Chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if picture.exif:
        yield Chunk(b"eXIf", picture.exif)
    if picture.xmp:
        yield Chunk(b"iTXt", _XMP + picture.xmp)
