"""RAW and HEIC files through the libraries that read them; and the one sentence where those are missing."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from server.batch.item import Item, Order
from server.batch.retoucher import Retoucher, outcome_of
from server.files import developing, exif, pictures
from server.files.errors import PictureError
from tests.sample import SELFIE


def dng(path: Path, rgb: np.ndarray) -> None:
    """A RAW file as a camera would make it of `rgb`, (H, W, 3) linear 0..1: an RGGB mosaic of 14 bit."""
    mosaic = rgb[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    matrix = [1.9, -0.7, -0.2, -0.4, 1.4, 0.1, 0.0, 0.2, 0.7]  # XYZ to the camera's own colours
    tags = [
        (271, 2, 6, "Made\0"[:5] + "\0", True),
        (306, 2, 20, "2026:05:01 10:00:00", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50708, 2, 5, "Made", True),
        (50714, 3, 1, 0, True),
        (50717, 4, 1, 16383, True),
        (50721, 10, 9, tuple(n for value in matrix for n in (round(value * 10000), 10000)), True),
        (50728, 5, 3, (1, 1) * 3, True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(
        path,
        np.clip(mosaic * 16383, 0, 16383).astype(np.uint16),
        photometric=32803,
        extratags=tags,
        metadata=None,
        software=False,
    )


def test_a_raw_file_becomes_a_sixteen_bit_tiff(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="RAWPY IS NOT INSTALLED: RAW files were not tried")
    srgb = np.asarray(Image.open(SELFIE).reduce(2)) / np.float32(255)
    dng(tmp_path / "a.dng", srgb**2.2)
    picture = pictures.read(tmp_path / "a.dng")
    assert picture.pixels.dtype == np.uint16 and picture.pixels.shape == srgb.shape
    assert 0.05 < picture.pixels.mean() / 65535 < 0.95
    target = tmp_path / "out" / "a.tif"
    outcome = Retoucher(Order({}))(Item(str(tmp_path / "a.dng"), str(target), "a.tif"))
    assert outcome["status"] == "done" and len(outcome["faces"]) == 1, outcome
    result = pictures.read(target)
    assert result.pixels.dtype == np.uint16
    assert np.abs(result.pixels.astype(int) - picture.pixels).max() > 2000
    tags = exif.parse(result.exif)
    assert tags is not None and {306, 271} <= {entry.code for entry in tags.entries}


def test_a_heic_becomes_a_jpeg_with_its_metadata(tmp_path: Path) -> None:
    library = pytest.importorskip(
        "pillow_heif", reason="PILLOW-HEIF IS NOT INSTALLED: HEIC files were not tried"
    )
    image = Image.open(SELFIE).reduce(4)
    described = Image.Exif()
    described[306], described[274] = "2026:05:01 10:00:00", 1
    library.from_pillow(image).save(tmp_path / "a.heic", quality=95, exif=described.tobytes())
    target = tmp_path / "a.jpg"
    outcome = outcome_of(
        Item(str(tmp_path / "a.heic"), str(target), "a.jpg"),
        lambda item, picture: {"faces": [{"used": True}]},
    )
    assert outcome["status"] == "done", outcome
    result = Image.open(target)
    assert np.abs(np.asarray(result).astype(int) - np.asarray(image)).mean() < 4
    assert result.getexif()[306] == "2026:05:01 10:00:00"


def test_it_is_decoded_in_the_locked_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("pillow_heif", reason="PILLOW-HEIF IS NOT INSTALLED: HEIC was not tried")
    library.from_pillow(Image.new("RGB", (64, 48))).save(tmp_path / "a.heic")
    (tmp_path / "a.heic").chmod(0o600)
    monkeypatch.setattr(developing, "decode", None)
    picture = pictures.read(tmp_path / "a.heic")
    assert picture.pixels.shape == (48, 64, 3) and picture.mode == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("name", ["a.nef", "a.heic"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    pytest.importorskip({"a.nef": "rawpy", "a.heic": "pillow_heif"}[name])
    os.mkfifo(tmp_path / name)
    with pytest.raises(PictureError, match="a pipe, not a picture"):
        pictures.read(tmp_path / name)


def test_whatever_a_library_raises_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken files made pillow-heif raise kinds that it does not name."""
    library = pytest.importorskip("pillow_heif", reason="PILLOW-HEIF IS NOT INSTALLED: HEIC was not tried")

    def broken(file: object) -> None:
        raise struct.error("odd")

    monkeypatch.setattr(library, "open_heif", broken)
    with pytest.raises(PictureError, match="cannot be read .odd") as caught:
        developing.decode("heic", b"")
    assert caught.value.code == "bad-image"


@pytest.mark.parametrize("name", ["a.nef", "a.heic"])
def test_garbled_files_are_told(tmp_path: Path, name: str) -> None:
    pytest.importorskip({"a.nef": "rawpy", "a.heic": "pillow_heif"}[name])
    (tmp_path / name).write_bytes(b"no picture at all" * 100)
    with pytest.raises(PictureError, match="cannot be read") as caught:
        pictures.read(tmp_path / name)
    assert caught.value.code == "bad-image"


@pytest.mark.parametrize("name, library", [("a.nef", "rawpy"), ("a.heic", "pillow_heif")])
def test_missing_libraries_are_one_sentence(
    tmp_path: Path, name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / name).touch()
    outcome = outcome_of(Item(str(tmp_path / name), str(tmp_path / "x.tif"), "x.tif"), lambda *_: {})
    assert (
        outcome["code"] == "set-up"
        and "not installed" in outcome["message"]
        and "--with" in outcome["message"]
    )
