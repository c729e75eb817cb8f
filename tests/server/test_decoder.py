"""No picture takes anything with it: its decoder is a process of its own, locked away."""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from server.files import decoder, packing, pictures, sandbox
from server.files.decoder import Decoder
from server.files.errors import PictureError
from server.files.picture import Picture
from server.setup import check_server

from .hostile_decoder import START
from .running import wait_for
from .test_files import ICC, SELFIE, XMP, add_exif, exif_block, samples

FORKS = pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs memfd and pidfd"))


@pytest.fixture(scope="module", params=[FORKS, False], ids=["forks", "spare"])
def hostile(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    with Decoder("tests.server.hostile_decoder", forks=request.param) as decoder:
        yield decoder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.open(SELFIE).resize((96, 64)).save(path, icc_profile=ICC, xmp=XMP, dpi=(240, 240))
    add_exif(path, "jpeg", exif_block(6))
    return path


def order(folder: Path, words: str) -> Path:
    path = folder / "order.jpg"
    path.write_bytes(START + words.encode())
    return path


def refused(decoder: Decoder, path: Path, code: str = "bad-image") -> str:
    with pytest.raises(PictureError) as caught:
        decoder.read(path)
    assert caught.value.code == code, caught.value.message
    assert caught.value.hint
    return caught.value.message


def same(one: Picture, other: Picture) -> None:
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.pixels.dtype == other.pixels.dtype
    for name in vars(one):
        if name not in ("pixels", "mode"):
            assert getattr(one, name) == getattr(other, name), name


def test_bytes_are_read_as_their_file_is(
    hostile: Decoder, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same(hostile.decode(photo.read_bytes()), hostile.read(photo))
    with pytest.raises(PictureError):
        hostile.decode(b"no picture")
    if sys.platform == "linux":
        monkeypatch.setattr(tempfile, "tempdir", str(photo.parent))
        monkeypatch.setattr(decoder.sys, "platform", "darwin")  # where there is no file in memory
        same(hostile.decode(photo.read_bytes()), hostile.read(photo))
        assert [path.name for path in photo.parent.iterdir()] == ["photo.jpg"]


def files(folder: Path) -> Iterator[Path]:
    """One of every kind and orientation, with all that a file can say besides."""
    image = Image.open(SELFIE).resize((97, 63))
    for kind in ("jpeg", "png", "tiff"):
        for orientation in (1, 2, 6):
            path = folder / f"{orientation}.{kind}"
            image.save(path, kind, icc_profile=ICC, dpi=(240, 240))
            add_exif(path, kind, exif_block(orientation))
            yield path
    image.convert("L").save(folder / "grey.jpg", progressive=True)
    yield folder / "grey.jpg"
    for dtype in ("uint16", "float16", "float32"):
        for channels in (1, 2, 3, 4):
            path = folder / f"{dtype}{channels}.tif"
            extra: dict[str, Any] = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
            stored = samples(dtype, channels)
            tifffile.imwrite(
                path,
                stored[:, :, 0] if channels == 1 else stored,
                photometric="minisblack" if channels < 3 else "rgb",
                planarconfig="contig" if channels > 1 else None,
                compression="zstd" if channels == 3 else None,
                **extra,
            )
            yield path


def test_what_comes_from_the_child_is_the_same(hostile: Decoder, tmp_path: Path) -> None:
    """Samples, metadata and what the writers need; and the samples are the caller's own to change."""
    kinds = list(files(tmp_path))
    for path in kinds if hostile.forks else kinds[::5]:
        here, there = pictures.decode(path.read_bytes()), hostile.read(path)
        same(here, there)
        assert pictures.encode(there, there.pixels, there.format) == pictures.encode(
            here, here.pixels, here.format
        )
        there.pixels[0, 0] = 0
        same(here, hostile.read(path))
        reference = hostile.read_reference(path, 50)
        assert reference.dtype == np.uint8 and max(reference.shape[:2]) == 50 and reference.shape[2] == 3


def test_refusals_come_through(hostile: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    stream = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(stream, "jpeg")
    path.write_bytes(stream.getvalue())
    assert "CMYK" in refused(hostile, path)


@pytest.mark.parametrize("words", ["segfault", "abort", "exit"])
def test_a_crash(hostile: Decoder, tmp_path: Path, photo: Path, words: str) -> None:
    assert "crash" in refused(hostile, order(tmp_path, words))
    assert hostile.read(photo).orientation == 6


@pytest.mark.skipif(os.name != "posix", reason="there are no such limits")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("spin", "bad-image", "too long"),
        ("sleep", "bad-image", "too long"),
        ("memory", "out-of-memory", "not enough memory"),
        ("kill", "out-of-memory", "not enough memory"),
    ],
)
def test_limits(hostile: Decoder, tmp_path: Path, photo: Path, words: str, code: str, told: str) -> None:
    """Of the processor's time, of the clock's, of memory; and the kernel's own."""
    assert told in refused(hostile, order(tmp_path, words), code)
    assert hostile.read(photo).orientation == 6


def test_the_unforeseen(hostile: Decoder, tmp_path: Path) -> None:
    assert "KeyError" in refused(hostile, order(tmp_path, "unforeseen"), "internal")


@pytest.mark.skipif(not all(sandbox.locks()), reason="THIS KERNEL HAS NEITHER LANDLOCK NOR SECCOMP FOR US")
def test_a_decoder_that_is_taken_over_gets_nowhere(hostile: Decoder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    assert refused(hostile, order(tmp_path, f"escape {outside} {os.getpid()}")) == "possible: []"
    assert not list(outside.iterdir())


LIES: list[dict[str, Any]] = [
    *(
        {"shape": shape}
        for shape in ([16, 16], [-1, 16, 3], [16, 16, 5], [2**40, 1, 3], [0, 0, 0], "abc", None)
    ),
    *({"dtype": dtype} for dtype in ("object", "uint16", 3, None)),
    *({"blobs": size} for size in (1, -1, 2**70, "x")),
    *({"picture": packed} for packed in (None, 3, {"type": "os.system", "fields": {}}, {"bytes": 10**12})),
    {"picture": {"type": "picture", "fields": {"nothing": 1}}},
    {"picture": {"type": "chunk", "fields": {"name": 1, "data": 2}}},
    {"picture": {"type": "picture", "fields": {"pixels": None, "format": "jpeg", "orientation": 99}}},
    {"picture": json.loads("[" * 500 + "]" * 500)},
    {"error": ["no-such-code", "message", "hint"]},
    {"error": "x"},
]


def test_a_decoder_that_lies(hostile: Decoder, tmp_path: Path, photo: Path) -> None:
    for lie in LIES if hostile.forks else LIES[::5]:
        assert "crash" in refused(hostile, order(tmp_path, f"lie {json.dumps(lie)}")), lie
    assert hostile.read(photo).orientation == 6


@pytest.mark.skipif(sys.platform != "linux", reason="the helper that forks is Linux's")
def test_a_helper_that_somebody_ends_is_replaced(tmp_path: Path, photo: Path) -> None:
    before = set(psutil.Process().children())
    with Decoder("tests.server.hostile_decoder") as decoder:
        decoder.read(photo)
        (helper,) = set(psutil.Process().children()) - before
        threading.Timer(0.5, helper.kill).start()
        with pytest.raises(PictureError, match="crash|too long"):
            decoder.read(order(tmp_path, "sleep"))
        assert decoder.read(photo).orientation == 6


@pytest.mark.skipif(sys.platform != "linux", reason="memory is made ahead in Linux's way")
def test_memory_that_is_made_ahead_fits_any_picture(tmp_path: Path) -> None:
    """It is as large as the picture before was; and nobody else's."""
    dice = np.random.default_rng(1)
    with Decoder() as decoder:
        ahead = decoder._helper._ahead  # type: ignore[attr-defined]
        for number, size in enumerate((8, 300, 40, 300, 299)):
            pixels = dice.integers(0, 256, (size, size + 1, 3), np.uint8)
            for kind in ("png", "jpeg"):
                path = tmp_path / f"{number}.{kind}"
                Image.fromarray(pixels).save(path)
                assert np.array_equal(decoder.read(path).pixels, pictures.decode(path.read_bytes()).pixels)
                ahead._maker.join()
                assert not any(os.pread(ahead._made, os.fstat(ahead._made).st_size, 0))


@pytest.mark.skipif(sys.platform != "linux", reason="processes and descriptors are counted in Linux's way")
def test_nothing_is_left(photo: Path, tmp_path: Path) -> None:
    """Also by the bad ones, and by several at once."""
    own = psutil.Process()
    before = {child.pid for child in own.children(recursive=True)}
    with Decoder("tests.server.hostile_decoder") as decoder:
        decoder.read(photo)
        gc.collect()  # pictures of other tests hold descriptors as long as they live
        open_files = own.num_fds()
        errors: list[Exception] = []

        def work() -> None:
            try:
                for _ in range(10):
                    assert decoder.read(photo).pixels.shape == (96, 64, 3)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        refused(decoder, order(tmp_path, "abort"))
        for thread in threads:
            thread.join()
        assert not errors
        gc.collect()
        assert own.num_fds() <= open_files + 1  # the next picture's memory
        wait_for(lambda: len({child.pid for child in own.children(recursive=True)} - before) == 1)
    assert not {child.pid for child in own.children(recursive=True)} - before


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.sampled_from([{"bytes": 3}, {"bytes": -1}]),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["bytes", "type", "fields", "list"]), inner)
        ),
    )
)
def test_what_is_unpacked_is_made_of_nothing_else(value: Any) -> None:
    try:
        packing.unpack(value, memoryview(b"abc"))
    except ValueError:
        return


def test_the_doctor_tells_of_the_locks() -> None:
    landlock, seccomp = sandbox.locks()
    found = check_server.check_decoder()
    assert found.ok
    if landlock and seccomp:
        assert "Landlock" in found.sentence and "seccomp" in found.sentence
    else:
        assert found.hint
