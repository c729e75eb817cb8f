"""The file formats, each described once, and what their names say; asked before anything heavy is loaded."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import PictureError

MAX_FILE_BYTES = 2 << 30  # 100 megapixels of four floats are 1.6 GB


@dataclass(frozen=True)
class Format:
    """name: for people. suffixes: of its files, the usual one first. starts: how its files begin."""

    name: str
    suffixes: tuple[str, ...]
    starts: tuple[bytes, ...]


# By kind, which is also the name of the module in this folder that reads and writes it.
FORMATS = {
    "jpeg": Format("JPEG", (".jpg", ".jpeg"), (b"\xff\xd8\xff",)),
    "png": Format("PNG", (".png",), (b"\x89PNG\r\n\x1a\n",)),
    "tiff": Format("TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
}
# Read by a library of their own, where it is installed (`developing`).
RAW = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw")
    + (".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f")
)
HEIC = frozenset((".heic", ".heif", ".hif"))
_FOREIGN = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"8BPS": "a Photoshop file",
    b"gimp xcf": "a GIMP file (XCF)",
    b"%PDF": "a PDF",
    b"\x00\x00\x01\x00": "an icon",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"qoif": "a QOI",
}
_OTHERS = {b"WEBP": "a WebP", b"heic": "a HEIC", b"mif1": "a HEIC", b"avif": "an AVIF", b"crx ": "a raw file"}
LIBRARIES = {"raw": "rawpy", "heic": "pillow_heif"}
LAYERED = ".ora"  # OpenRaster, which is written only
SUFFIXES = {suffix: kind for kind, form in FORMATS.items() for suffix in form.suffixes}


def listed(words: list[str], last: str) -> str:
    """Join words as people do: ``JPEG, PNG and TIFF``, with `last` before the last one."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


NAMES = [form.name for form in FORMATS.values()]
ENDINGS = {kind: form.suffixes[0] for kind, form in FORMATS.items()}
_EXPORT = f"Open it in GIMP and export it as {listed(NAMES, 'or')}."
_ENDS = listed(list(ENDINGS.values()), "or")
HINT = f"Pictures end with {_ENDS}."


def unreadable(reason: str | None) -> PictureError:
    """Make the error for an input that is not there or may not be read; `reason` in the system's words."""
    return PictureError(
        "bad-image", f"The file cannot be read ({reason}).", "Check its name and who may read it."
    )


def format_of(path: Path) -> str:
    """Tell the kind, one of `FORMATS`. Raises `PictureError` ``bad-output``."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        sentence = f"{path.name} does not say which format to write."
        raise PictureError("bad-output", sentence, f"End the name with {_ENDS}.")
    return kind


def mask_beside(target: Path) -> Path:
    """Where the mask of a result goes."""
    return beside(target, "mask")


def beside(target: Path, what: str) -> Path:
    """Where something goes that belongs to a result, such as its mask."""
    return target.with_name(f"{target.stem}-{what}.png")


def kind_of(data: bytes) -> str:
    """Tell the kind, one of `FORMATS`, from the first 16 bytes. Raises `PictureError` ``bad-image``."""
    if not data:
        raise PictureError("bad-image", "The file is empty.", "Copy it again from where it came from.")
    for kind, form in FORMATS.items():
        if data.startswith(form.starts):
            return kind
    starts = (name for start, name in _FOREIGN.items() if data.startswith(start))
    if other := next(starts, _OTHERS.get(bytes(data[8:12]))):
        raise PictureError(
            "bad-image", f"The file is {other}; only {listed(NAMES, 'and')} are read.", _EXPORT
        )
    raise PictureError("bad-image", f"The file is not a {listed(NAMES, 'or')}.", _EXPORT)


def developed_as(path: Path) -> str:
    """Tell by the name which library reads a file, ``raw`` or ``heic``; "" for what is read here.

    Raises `PictureError` ``set-up`` where the library is not installed.
    """
    ending = path.suffix.lower()
    kind = "raw" if ending in RAW else "heic" if ending in HEIC else ""
    if kind and importlib.util.find_spec(LIBRARIES[kind]) is None:
        sentence = f"{kind.upper()} files need {LIBRARIES[kind].replace('_', '-')}, which is not installed."
        raise PictureError("set-up", sentence, f"Run install.py --with {kind}.")
    return kind


def check(file: BinaryIO, by_content: bool = True) -> None:
    """Check that a file begins as a picture does, and may be one by its size; it is at its start again then.

    by_content: whether it must be one of `FORMATS`. Raises `PictureError` ``bad-image`` or ``too-large``.
    """
    if by_content:
        kind_of(file.read(16))
        file.seek(0)
    if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
        sentence = (
            f"The file has more than {MAX_FILE_BYTES >> 20} MB, which no picture within the limits needs."
        )
        raise PictureError("too-large", sentence)
