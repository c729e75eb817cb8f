"""What is fuzzed as bytes: tags, markers, whole pictures, networks' descriptions, and headers of the wire.

A target takes bytes, and raises when anything but a result or a foreseen error comes of them. `seeds` are
sound inputs, from which spoiled ones are made; a corpus that `coverage` has found lies in ``corpus/``.
"""

from __future__ import annotations

import io
import json
import random
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from model.inference import weights
from plugin.studio_portrait.link.wire import encode
from server.files import exif, jpeg_segments, pictures, previews
from server.files.errors import PictureError

from . import structures, talk_targets
from .messages import conversation, spoiled

CORPUS = Path(__file__).parent / "corpus"
MOST_PIXELS = 1 << 19  # of spoiled headers: what is larger within the limits is sound, and takes its time


def tags(data: bytes) -> None:
    """EXIF's directories, their way back into bytes, and the previews in them."""
    block = exif.parse(data)
    if block is not None:
        again = exif.parse(block.coded())
        if again is None or again.orientation != block.orientation:
            raise AssertionError("what was read cannot be written and read again")
        block.turned(1).coded()
    previews.without_exif_preview(data)
    previews.without_photoshop_preview(data)
    for read in (exif.strict, lambda data: exif.chain(data, 64)):
        try:
            read(data)
        except (ValueError, OverflowError, struct.error):
            continue


def markers(data: bytes) -> None:
    """JPEG's segments, without the picture."""
    try:
        segments, scan = jpeg_segments.cut(data)
    except PictureError:
        return
    jpeg_segments.frame_size(data)
    if len(jpeg_segments.without_metadata(data, segments, scan)) > len(data):
        raise AssertionError("less has become more")
    kept = jpeg_segments.kept(segments)
    for segment in kept:
        jpeg_segments.without_preview(segment)
    jpeg_segments.profile(kept)
    jpeg_segments.exif_resolution(jpeg_segments.exif(kept))


def picture(data: bytes) -> None:
    """A whole file: read, and written again as every format that can hold it."""
    try:
        if pictures.extent(data)[0] > MOST_PIXELS:
            return
        read = pictures.decode(data)
    except PictureError as error:
        _check_told(error)
        return
    few = read.pixels[:64, :64]  # compressing a spoiled size's many samples shows nothing more
    for kind in pictures.FORMATS:
        try:
            pictures.encode(read, few, kind)
        except PictureError as error:
            _check_told(error)


def _check_told(error: PictureError) -> None:
    if not error.message or not error.hint or error.code not in ("bad-image", "too-large", "bad-output"):
        raise AssertionError(f"an error that says nothing: {error.code} {error.message}")


def description(data: bytes) -> None:
    """A network's description beside a sound one, which must stay usable."""
    folder = _folder()
    (folder / "spoiled.json").write_bytes(data)
    if "studio" not in {info.name for info in weights.available(folder)}:
        raise AssertionError("one bad description has taken the good one with it")


@cache
def _folder() -> Path:
    folder = Path(_kept_folder().name)
    (folder / "studio.json").write_bytes((weights.WEIGHTS / "studio.json").read_bytes())
    return folder


@cache
def _kept_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "tags": tags,
    "markers": markers,
    "jpeg": picture,
    "png": picture,
    "tiff": picture,
    "description": description,
    "wire": talk_targets.understand,
}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Sound inputs of a target, those of the saved corpus behind the ones that are made here."""
    made = {"tags": _blocks, "markers": _jpegs, "jpeg": _jpegs, "png": _pngs, "tiff": _tiffs}
    made |= {"description": _descriptions, "wire": _headers}
    own = made[name]()
    saved = sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []
    return (*own, *(path.read_bytes() for path in saved))


def spoil(name: str, dice: random.Random) -> bytes:
    """One spoiled input: its parts spoiled (`structures`), or bytes changed and a part of another put in."""
    data, other = dice.choice(seeds(name)), dice.choice(seeds(name))
    if name in structures.SPOILERS and dice.random() < 0.7:
        return structures.SPOILERS[name](dice, data, other)
    if dice.random() < 0.2:
        data = data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other) + 1) :]
    return spoiled(dice, data)


def _blocks() -> tuple[bytes, ...]:
    inner = (exif.Entry(33434, 5, 1, struct.pack("<II", 1, 60)), exif.Entry(37500, 7, 40, bytes(range(40))))
    entries = (
        exif.Entry(271, 2, 7, b"Camera\0"),
        exif.Entry(exif.ORIENTATION, 3, 1, struct.pack("<H", 6)),
        exif.Entry(282, 5, 1, struct.pack("<II", 300, 1)),
        exif.Entry(exif.EXIF, 4, 1, inner),
        exif.Entry(exif.GPS, 4, 1, (exif.Entry(1, 2, 2, b"N\0"),)),
    )
    block = exif.Block("<", entries).coded()
    link = 8 + 2 + 12 * len(entries)
    preview = (exif.Entry(513, 4, 1, struct.pack("<I", 10)), exif.Entry(514, 4, 1, struct.pack("<I", 20)))
    linked = block[:link] + struct.pack("<I", len(block)) + block[link + 4 :]
    linked += exif.serialise(preview, "<", len(block))
    photoshop = b"8BIM\x04\x04\x03abc\0\0\0\x05\x1c\x02\x78\0\0\0" + b"8BIM\x04\x0c\0\0\0\0\0\x07the old\0"
    return (block, linked, exif.Block(">", entries[:1]).coded(), photoshop, *_tiffs()[-2:])


def _image(mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).convert(mode)


def _saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    _image(mode).save(stream, kind, **options)
    return stream.getvalue()


def _jpegs() -> tuple[bytes, ...]:
    tagged = {"exif": b"Exif\0\0" + exif.Block("<", (exif.Entry(274, 3, 1, b"\6\0"),)).coded()}
    more = {"icc_profile": b"profile" * 9, "xmp": b"<x/>", "comment": b"mine", "dpi": (240, 240)}
    return (
        _saved("jpeg", **tagged, **more),
        _saved("jpeg", progressive=True),
        _saved("jpeg", "L", restart_marker_blocks=1),
        _saved("jpeg", subsampling=0, keep_rgb=True),
    )


def _pngs() -> tuple[bytes, ...]:
    tagged = {"exif": exif.Block("<", (exif.Entry(274, 3, 1, b"\6\0"),)).coded(), "dpi": (240, 240)}
    return (
        _saved("png", **tagged, icc_profile=b"profile" * 9),
        _saved("png", "P", transparency=3),
        _saved("png", "L"),
        _saved("png", "LA"),
        _saved("png", "P", bits=4),
        _saved("png", "RGBA"),
    )


def _tiffs() -> tuple[bytes, ...]:
    rgb = np.asarray(_image())
    made = []
    for array, options in (
        (rgb, {"compression": "lzw"}),
        (rgb, {"compression": "deflate", "predictor": True, "tile": (16, 16)}),
        (np.moveaxis(rgb, 2, 0), {"planarconfig": "separate"}),
        (rgb.astype(np.uint16), {"byteorder": ">"}),
        (rgb.astype(np.float32), {"bigtiff": True}),
        (rgb, {"compression": "jpeg"}),
        (rgb, {"resolution": (300, 300), "description": "words"}),
    ):
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, photometric="rgb", metadata=None, **options)  # type: ignore[arg-type]
        made.append(stream.getvalue())
    return tuple(made)


def _headers() -> tuple[bytes, ...]:
    told = conversation("t" * 64) + conversation("t" * 64, analyses=True)
    return tuple(encode(command, **fields) for command, fields, _ in told)


def _descriptions() -> tuple[bytes, ...]:
    facts = json.loads((weights.WEIGHTS / "studio.json").read_text("utf-8"))
    facts["name"], facts["default"] = "other", False
    spoiled_ones = ({**facts, "name": 5}, {**facts, "file": "../x"}, {**facts, "preprocessing": []}, [], 3)
    nested = b"[" * 100_000 + b"]" * 100_000
    return (json.dumps(facts).encode(), *(json.dumps(one).encode() for one in spoiled_ones), nested)
