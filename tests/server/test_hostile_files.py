"""Files and names that are meant to do harm: each gets a sentence, at once, and harms nothing.

What asks for memory and time is in `test_bombs`.
"""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, JpegImagePlugin

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import MAX_ICC_BYTES, MAX_REFERENCE_SIDE, ImageSpec, Problem
from server.cli import main as cli
from server.cli.terminal import printable
from server.files import exif, names, openraster, picture, pictures
from server.files.errors import PictureError
from tests.sample import CHECKOUT
from tests.server.plain_worker import SLOW

from .bombs import jpeg, jpeg_with, overlapping, tag_tree, with_tag
from .running import COMMAND, PATIENCE, Client, Server, wait_for

POSIX = pytest.mark.skipif(os.name != "posix", reason="there are no pipes with names, and no permission bits")
POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 64 64
(PROOF) (w) file dup (ran) writestring closefile
showpage
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise((48, 32), 80).convert("RGB").save(path)
    return path


def retouch(*words: str | Path) -> int:
    return cli.main(["retouch", *(str(word) for word in words)])


def refused(path: Path) -> PictureError:
    with pytest.raises(PictureError) as caught:
        pictures.read(path)
    assert caught.value.code == "bad-image" and caught.value.hint
    return caught.value


# EXIF


def test_directories_in_a_circle_are_read_once() -> None:
    start = struct.pack("<H", 2) + struct.pack("<HHII", exif.EXIF, 4, 1, 8)
    block = exif.parse(b"II*\0\x08\0\0\0" + start + struct.pack("<HHIHxx", 274, 3, 1, 6) + bytes(4))
    assert block is not None and block.orientation == 6
    assert [entry.code for entry in block.entries] == [exif.ORIENTATION]


def test_a_tree_of_tags_is_read_once() -> None:
    block = exif.parse(tag_tree(levels=3, pointers=400))
    assert (
        block is not None and len(block.coded()) < 6000
    )  # one of 400 pointers leads to a directory, and so on


def test_pillow_is_not_shown_a_jpegs_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is pinned keeps a budget of its own; the ones before it did not."""
    shown = []

    class Watched(JpegImagePlugin.JpegImageFile):
        def __init__(self, file: io.BytesIO):
            shown.append(file.getvalue())
            super().__init__(file)

    monkeypatch.setattr(JpegImagePlugin, "JpegImageFile", Watched)
    pictures.decode(jpeg_with(tag_tree()))
    assert shown and b"Exif" not in shown[0]


def test_overlapping_tags_are_no_block() -> None:
    block = overlapping(100, 1000)
    assert exif.parse(block) is None
    with pytest.raises(exif.OverBudget):
        exif.strict(block)


def test_as_many_tags_as_a_camera_writes_are_kept() -> None:
    """What is sound is not touched by the budget, whichever way it is laid out."""
    inner = tuple(exif.Entry(40_000 + index, 7, 900, bytes([index % 256]) * 900) for index in range(300))
    block = exif.Block(">", (exif.Entry(271, 2, 7, b"Camera\0"), exif.Entry(exif.EXIF, 4, 1, inner)))
    assert exif.parse(block.coded()) == block


@pytest.mark.parametrize("count", [0, 2, 2**31])
def test_orientation_of_a_count_that_it_cannot_have(tmp_path: Path, count: int) -> None:
    block = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", exif.ORIENTATION, 3, count, 6) + bytes(4)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with(block))
    assert pictures.read(path).orientation == (6 if count == 2 else 1)


@pytest.mark.parametrize("colours", ["rgb", "minisblack"])
def test_tiff_of_no_channels(tmp_path: Path, colours: str) -> None:
    path = tmp_path / "a.tif"
    samples = np.zeros((8, 8, 3) if colours == "rgb" else (8, 8), np.uint8)
    tifffile.imwrite(path, samples, photometric=colours, metadata=None)  # type: ignore[arg-type]
    path.write_bytes(with_tag(path.read_bytes(), 277, 0))
    refused(path)


def test_limits_are_those_of_the_wire() -> None:
    """What is read here can be sent, and nothing that could be sent is refused here."""
    height = picture.MAX_PIXELS // picture.MAX_SIDE
    ImageSpec(picture.MAX_SIDE, height, 3, "u8")
    for width, more in ((picture.MAX_SIDE + 1, 1), (picture.MAX_SIDE, height + 1)):
        with pytest.raises(Problem):
            ImageSpec(width, more, 3, "u8")
        with pytest.raises(PictureError, match="the limit is"):
            picture.check_size(width, more)
    assert picture.MAX_ICC_BYTES == MAX_ICC_BYTES


@pytest.mark.parametrize(
    "options", [{}, {"planarconfig": "separate"}, {"tile": (16, 16)}, {"compression": "lzw"}]
)
def test_tiff_with_a_tag_of_nothing(options: dict[str, Any]) -> None:
    """Whichever tag says 0, has no value or is huge: a picture that can be written, or a sentence."""
    stream = io.BytesIO()
    shape = (3, 32, 32) if "planarconfig" in options else (32, 32, 3)
    tifffile.imwrite(stream, np.zeros(shape, np.uint8), photometric="rgb", metadata=None, **options)
    data = stream.getvalue()
    block = exif.strict(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for index in range(len(block.entries)):
        for kind, count, value in (
            (3, 1, 0),
            (3, 0, 8),
            (4, 1, 2**32 - 1),
            (3, 2**31, 8),
            (2, 1, 0),
            (0, 1, 1),
        ):
            changed = bytearray(data)
            struct.pack_into("<HII", changed, start + 4 + 12 * index, kind, count, value)
            try:
                read = pictures.decode(bytes(changed))
                pictures.encode(read, read.pixels, "tiff")
            except PictureError as error:
                assert error.message and error.hint


@pytest.mark.parametrize("code", [700, 34675])
@pytest.mark.parametrize("kind", [1, 2, 3, 4, 7])
def test_tiffs_text_and_profile_are_the_bytes_that_stood_there(code: int, kind: int) -> None:
    """Whatever type they say: of text nothing could be made, of one number as many zeros."""
    size = {3: 2, 4: 4}.get(kind, 1)
    stream = io.BytesIO()
    pixels = np.zeros((8, 8, 3), np.uint8)
    tag = (code, kind, 8 // size, b"<x:ml />" if size == 1 else (5,) * (8 // size), True)
    tifffile.imwrite(stream, pixels, photometric="rgb", metadata=None, extratags=[tag])
    read = pictures.decode(stream.getvalue())
    value = read.xmp if code == 700 else read.icc
    assert value is not None and len(value) in (8, 9)  # text ends with a zero
    pictures.encode(read, read.pixels, "tiff")


def test_a_profile_of_one_huge_number_takes_no_memory() -> None:
    stream = io.BytesIO()
    tag = (34675, 4, 1, 3 << 30, True)
    tifffile.imwrite(stream, np.zeros((8, 8, 3), np.uint8), photometric="rgb", metadata=None, extratags=[tag])
    assert pictures.decode(stream.getvalue()).icc == struct.pack("<I", 3 << 30)


def test_a_profile_larger_than_any_is_none() -> None:
    """As in PNG; one of 100 MB kept Pillow busy for minutes when the result was a JPEG."""
    stream = io.BytesIO()
    tag = (34675, 7, MAX_ICC_BYTES + 1, bytes(MAX_ICC_BYTES + 1), True)
    tifffile.imwrite(stream, np.zeros((8, 8, 3), np.uint8), photometric="rgb", metadata=None, extratags=[tag])
    assert pictures.decode(stream.getvalue()).icc is None


def test_tiff_that_predicts_without_compression_can_be_written_again() -> None:
    stream = io.BytesIO()
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    tifffile.imwrite(stream, pixels, photometric="rgb", metadata=None)
    unit = struct.pack("<HHIHxx", 296, 3, 1, 1)
    assert unit in stream.getvalue()
    read = pictures.decode(stream.getvalue().replace(unit, struct.pack("<HHIHxx", 317, 3, 1, 2)))
    again = pictures.decode(pictures.encode(read, read.pixels, "tiff"))
    assert np.array_equal(again.pixels, read.pixels)


# What is no file


@POSIX
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a socket"])
def test_only_files_are_opened(tmp_path: Path, kind: str) -> None:
    """At once: nobody will ever write into the pipe."""
    path = tmp_path / "in.jpg"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    told: list[PictureError] = []
    thread = threading.Thread(target=lambda: told.append(refused(path)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert told and kind in told[0].message


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(PictureError, match="cannot be read"):
        pictures.read(Path("a\0b.jpg"))


# Names on the terminal


def test_control_characters_are_written_out() -> None:
    assert printable("a\x1b[2Jb\nc\x9b1m\u202eü\udcff") == r"a\x1b[2Jb\nc\x9b1m\u202eü\udcff"


@POSIX
def test_a_name_that_is_no_text_is_listed(tmp_path: Path) -> None:
    """By a terminal that takes UTF-8 only."""
    name = os.fsdecode(b"\xff\x1b[31m.jpg")
    (tmp_path / name).touch()
    words = [sys.executable, "-m", "server", "batch", str(tmp_path), "-o", str(tmp_path / "o"), "--dry-run"]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    told = subprocess.run(words, cwd=CHECKOUT, env=strict, capture_output=True, check=False)
    assert told.returncode == 0 and rb"\udcff\x1b[31m.jpg" in told.stdout, told


def test_a_layers_name_is_one_that_xml_can_say() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    for name in ("\x1b[31m", "\0", "\udcff", '"<&>', "ä\ufffe"):
        data = openraster.encode([openraster.Layer(name, pixels)], pixels)
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            (layer,) = ElementTree.fromstring(file.read("stack.xml")).iter("layer")
        assert len(layer.attrib["name"]) == len(name)


@POSIX
def test_a_name_does_not_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = tmp_path / "\x1b]0;owned\x07\x1b[2J.jpg"
    nasty.write_bytes(b"no picture")
    missing = tmp_path / "\x1b[31m.jpg"
    for words in ((missing, "-o", tmp_path / "o"), (nasty, "-o", nasty), (nasty, f"--{missing}", "-o", "x")):
        try:
            assert retouch(*words) in (1, 2)
        except SystemExit as stopped:  # argparse's way
            assert stopped.code == 2
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err and "\x07" not in err and r"\x1b" in err


@POSIX
def test_no_name_commands_the_terminal_while_a_server_works(
    shared_server: Server, tmp_path: Path, photo: Path
) -> None:
    """Neither in the bar nor in what is said about a file's contents."""
    folder = tmp_path / "in"
    folder.mkdir()
    photo.rename(folder / "good\x1b[31m.png")
    broken = bytearray((folder / "good\x1b[31m.png").read_bytes())
    at = broken.index(b"IDAT")
    broken[at : at + 4] = b"\x1b[7m"
    (folder / "bad.png").write_bytes(broken)
    inner, outer = os.openpty()
    command = [sys.executable, "-m", "server", "retouch", str(folder), "-o", str(tmp_path / "out")]
    environment = {
        **os.environ,
        runtime.HOME_VARIABLE: str(shared_server.home),
        "TERM": "xterm",
        "COLUMNS": "500",
    }
    process = subprocess.Popen(command, env=environment, stdout=outer, stderr=outer, cwd=CHECKOUT)
    os.close(outer)
    shown = b""
    while True:
        try:
            piece = os.read(inner, 1 << 16)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(inner)
    assert process.wait() == 1
    assert rb"good\x1b[31m.png" in shown and rb"\x1b[7m" in shown
    assert b"good\x1b[31m" not in shown and b"\x1b[7m" not in shown


# The reference portrait


def reference(capsys: pytest.CaptureFixture[str], photo: Path, portrait: Path, out: Path) -> str:
    status = retouch(photo, "-o", out, "--network", "headshot", "--reference", portrait)
    assert status == 2
    return capsys.readouterr().err


def test_a_reference_is_never_run(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostScript under a picture's name: no Ghostscript, whether it is installed or not."""
    programs, ran = tmp_path / "bin", tmp_path / "ran"
    programs.mkdir()
    for name in ("gs", "gswin64c"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    portrait = tmp_path / "portrait.jpg"
    portrait.write_bytes(POSTSCRIPT.replace(b"PROOF", str(ran).encode()))
    told = reference(capsys, photo, portrait, tmp_path / "o.png")
    assert "cannot be used" in told and f"not a {names.listed(names.NAMES, 'or')}" in told
    assert not ran.exists() and not (tmp_path / "o.png").exists()


@pytest.mark.parametrize("kind", ["gif", "bmp", "ppm", "icns", "pcx", "tga"])
def test_a_reference_of_another_format(
    tmp_path: Path, photo: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    portrait = tmp_path / "portrait.jpg"
    Image.new("RGB", (64, 64)).save(portrait, kind)
    assert "JPEG, PNG" in reference(capsys, photo, portrait, tmp_path / "o.png")


def test_a_references_size_is_checked_first(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portrait = tmp_path / "portrait.jpg"
    portrait.write_bytes(jpeg((65_500, 65_500)))
    assert "65500 x 65500 pixels" in reference(capsys, photo, portrait, tmp_path / "o.png")


def test_a_reference_is_upright_and_srgb(tmp_path: Path) -> None:
    """Of every kind of sample, turned, shrunken, its alpha left out, its profile followed."""
    rng = np.random.default_rng(3)
    rgba = rng.integers(0, 256, (40, 60, 4), dtype=np.uint8)
    tag = Image.Exif()
    tag[274] = 6
    Image.fromarray(rgba).save(tmp_path / "a.png", exif=tag)
    read = pictures.read_reference(tmp_path / "a.png", MAX_REFERENCE_SIDE)
    np.testing.assert_array_equal(read, np.rot90(rgba[:, :, :3], -1))
    assert pictures.read_reference(tmp_path / "a.png", 30).shape == (30, 20, 3)
    for name, samples in (("b.tif", rgba[..., 0].astype(np.uint16) * 257), ("c.tif", rgba[..., 0] / 255.0)):
        stored = samples if samples.dtype == np.uint16 else samples.astype(np.float32)
        tifffile.imwrite(tmp_path / name, stored, photometric="minisblack")
        read = pictures.read_reference(tmp_path / name, MAX_REFERENCE_SIDE)
        np.testing.assert_array_equal(read, np.repeat(rgba[:, :, :1], 3, axis=2))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"no profile", lab):
        Image.fromarray(rgba[..., :3]).save(tmp_path / "d.png", icc_profile=profile)
        with pytest.raises(PictureError, match="profile"):
            pictures.read_reference(tmp_path / "d.png", MAX_REFERENCE_SIDE)


def test_the_reference_is_not_overwritten(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portrait, link = tmp_path / "ref.png", tmp_path / "link.png"
    portrait.write_bytes(photo.read_bytes())
    link.symlink_to(portrait)
    before = portrait.read_bytes()
    for target in (portrait, link):
        assert "is the reference portrait itself" in reference(capsys, photo, portrait, target)
    assert portrait.read_bytes() == before


# Who may read the result


@POSIX
@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, 0o600), (0o644, 0o644), (0o666, 0o644), (0o400, 0o600)]
)
def test_a_private_picture_stays_private(tmp_path: Path, photo: Path, mode: int, expected: int) -> None:
    """As long as it is written, too."""
    target = tmp_path / "out.png"
    before = os.umask(0o022)
    try:
        photo.chmod(mode)
        read = pictures.read(photo)
        pictures.write(read, read.pixels, target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == expected


# A server that is told to end in the middle of a folder


def test_pictures_after_a_stop_say_why_they_were_not_tried(tmp_path: Path, photo: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(photo.read_bytes())
    home, out = tmp_path / "home", tmp_path / "out"
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    with Server(home) as server:
        server.wait_ready()
        words = ["retouch", str(folder), "-o", str(out), "--json", "--network", SLOW]
        process = subprocess.Popen(
            [*COMMAND, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with Client(server) as client:
            wait_for(lambda: client.status()["running"])
        subprocess.run([*COMMAND, "stop"], env=environment, check=True, capture_output=True)
        told, err = process.communicate(timeout=PATIENCE)
        assert server.process.wait(PATIENCE) == 0
    codes: list[dict[str, Any]] = [json.loads(line)["error"] for line in told.splitlines()]
    assert [error["code"] for error in codes] == ["shutting-down"] * 3, told
    assert all("told to end" in error["message"] and error["hint"] for error in codes)
    assert "Traceback" not in err and "OSError" not in err and process.returncode == 1
    assert runtime.Runtime.read(home) is None, "a server was started again"
