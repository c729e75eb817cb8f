"""Files keep what they hold: samples bit by bit, orientation, profile, metadata; bad ones get a sentence."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageFile, JpegImagePlugin

from server.batch.item import Item
from server.batch.retoucher import outcome_of
from server.files import exif, jpeg, pictures, png
from server.files.errors import PictureError
from server.files.picture import Picture, back_in_one_piece, in_one_piece
from tests.sample import SELFIE

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>kept</note></x:xmpmeta>'


def samples(dtype: str, channels: int, size: tuple[int, int] = (37, 53)) -> np.ndarray:
    """Noise over the whole range of the type, shape (H, W, C)."""
    random = np.random.default_rng(channels)
    if dtype.startswith("float"):
        return random.normal(0.5, 0.6, (*size, channels)).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, (*size, channels), dtype=dtype, endpoint=True)


def exif_block(orientation: int) -> bytes:
    """A camera's block: maker, orientation, exposure in EXIF's directory, a place in GPS's."""
    entries = (
        exif.Entry(271, 2, 7, b"Camera\0"),
        exif.Entry(exif.ORIENTATION, 3, 1, struct.pack("<H", orientation)),
        exif.Entry(exif.EXIF, 4, 1, (exif.Entry(33434, 5, 1, struct.pack("<II", 1, 60)),)),
        exif.Entry(exif.GPS, 4, 1, (exif.Entry(1, 2, 2, b"N\0"),)),
    )
    return exif.Block("<", entries).coded()


def refused(path: Path, data: bytes, code: str = "bad-image") -> str:
    """Reading `data` raises a PictureError with this code and a hint; its sentence."""
    path.write_bytes(data)
    with pytest.raises(PictureError) as caught:
        pictures.read(path)
    assert caught.value.code == code
    assert caught.value.hint
    assert path.read_bytes() == data
    return caught.value.message


def pillow(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_round_trip(tmp_path: Path, dtype: str, channels: int) -> None:
    before = samples(dtype, channels)
    source = tmp_path / "in.png"
    source.write_bytes(imagecodecs.png_encode(before[:, :, 0] if channels == 1 else before))
    picture = pictures.read(source)
    assert picture.pixels.dtype == dtype
    pictures.write(picture, picture.pixels, tmp_path / "out.png")
    after = imagecodecs.png_decode((tmp_path / "out.png").read_bytes())
    np.testing.assert_array_equal(after.reshape(before.shape), before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_round_trip(
    tmp_path: Path, dtype: str, channels: int, compression: str | None, byteorder: Any
) -> None:
    before = samples(dtype, channels)
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    options: dict[str, Any] = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
    tifffile.imwrite(
        source,
        before[:, :, 0] if channels == 1 else before,
        photometric="minisblack" if channels < 3 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        compression=compression,
        byteorder=byteorder,
        metadata=None,
        **options,
    )
    picture = pictures.read(source)
    assert picture.pixels.dtype == ("float32" if dtype.startswith("float") else dtype)
    assert picture.pixels.dtype.isnative
    pictures.write(picture, picture.pixels, target)
    with tifffile.TiffFile(target) as file:
        page = file.pages[0].aspage()
        np.testing.assert_array_equal(page.asarray().reshape(before.shape), before)
        assert page.dtype == dtype
        assert (page.compression != 1) == (compression is not None)
        assert [int(kind) for kind in page.extrasamples] == ([2] if channels in (2, 4) else [])


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (32, 32)},
        {"tile": (32, 32), "compression": "deflate", "predictor": True},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "lzw", "rowsperstrip": 5},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"bigtiff": True},
    ],
)
def test_tiff_layouts(tmp_path: Path, options: dict[str, Any]) -> None:
    """Tiles, separate planes, further compressions: the samples are read and come back the same."""
    before = samples("uint16", 3)
    stored = np.moveaxis(before, 2, 0) if "planarconfig" in options else before
    tifffile.imwrite(tmp_path / "in.tif", stored, photometric="rgb", metadata=None, **options)
    picture = pictures.read(tmp_path / "in.tif")
    np.testing.assert_array_equal(picture.pixels, before)
    pictures.write(picture, picture.pixels, tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), before)


@pytest.mark.parametrize("colours", ["RGB", "YCbCr"])
def test_tiff_with_jpeg_inside(tmp_path: Path, colours: str) -> None:
    image = Image.open(SELFIE).resize((96, 64))
    stored = np.asarray(image.convert(colours))
    options: dict[str, Any] = {"compression": "jpeg", "compressionargs": {"level": 95}}
    tifffile.imwrite(tmp_path / "in.tif", stored, photometric=colours.lower(), metadata=None, **options)
    picture = pictures.read(tmp_path / "in.tif")
    assert np.abs(picture.pixels.astype(int) - np.asarray(image)).mean() < 4
    pictures.write(picture, picture.pixels, tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), picture.pixels)


def test_tiff_with_preview(tmp_path: Path) -> None:
    """A small copy of the picture behind it is no second page; it would not fit any more and is left out."""
    before = samples("uint8", 3)
    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        writer.write(before, photometric="rgb", metadata=None)
        writer.write(before[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
    picture = pictures.read(tmp_path / "in.tif")
    np.testing.assert_array_equal(picture.pixels, before)
    assert "preview" in picture.notes[0]
    pictures.write(picture, picture.pixels, tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert len(file.pages) == 1


def test_premultiplied_alpha(tmp_path: Path) -> None:
    """Opaque is fine; else the colours would have to be divided, which is not exact."""
    pixels = samples("uint8", 4)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["assocalpha"])
    assert "multiplied" in refused(path, path.read_bytes())
    pixels[:, :, 3] = 255
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(pictures.read(path).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_orientation(tmp_path: Path, kind: str, orientation: int) -> None:
    """The samples come upright as Pillow turns them, and the file stays as it was stored."""
    image = Image.open(SELFIE).resize((96, 64))
    block = exif_block(orientation)
    data = pillow(image, kind, **({"quality": 95} if kind == "jpeg" else {}))
    source, target = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    source.write_bytes(data)
    plain = pictures.read(source)
    add_exif(source, kind, block)
    picture = pictures.read(source)
    assert picture.orientation == orientation
    turned = np.asarray(upright(plain.pixels, orientation))
    np.testing.assert_array_equal(picture.pixels, turned)
    pictures.write(picture, picture.pixels, target)
    again = pictures.read(target)
    assert again.orientation == orientation
    assert np.abs(again.pixels.astype(int) - turned).max() <= (12 if kind == "jpeg" else 0)
    before, after = exif.parse(picture.exif), exif.parse(again.exif)
    assert before is not None and after is not None
    wanted = {271, exif.ORIENTATION, exif.EXIF, exif.GPS}
    assert after.only(wanted.__contains__) == before.only(wanted.__contains__)
    assert {entry.code for entry in after.entries} >= wanted
    whole = in_one_piece(picture)  # as the batch works at it
    assert whole.pixels.flags.c_contiguous and not np.shares_memory(whole.pixels, picture.pixels)
    pictures.write(whole, back_in_one_piece(whole), tmp_path / f"whole.{kind}")
    assert (tmp_path / f"whole.{kind}").read_bytes() == target.read_bytes()


def upright(stored: np.ndarray, orientation: int) -> Image.Image:
    """Pillow's own reading of the orientation."""
    methods = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    image = Image.fromarray(np.ascontiguousarray(stored))
    return image.transpose(methods[orientation]) if orientation in methods else image


def add_exif(path: Path, kind: str, block: bytes) -> None:
    """Puts an EXIF block into a file without touching its samples."""
    data = path.read_bytes()
    if kind == "jpeg":
        segment = b"Exif\0\0" + block
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    elif kind == "png":
        data = data[:33] + png.Chunk(b"eXIf", block).coded() + data[33:]
    else:
        written, tags = exif.parse(data), exif.parse(block)
        assert written is not None and tags is not None
        data += bytes(len(data) % 2)
        place = len(data)
        data = data[:4] + struct.pack("<I", place) + data[8:]
        data += exif.serialise((*written.entries, *tags.entries), "<", place)
    path.write_bytes(data)


def test_jpeg_keeps_coding_and_segments(tmp_path: Path) -> None:
    image = Image.open(SELFIE).resize((200, 120))
    data = pillow(
        image, "jpeg", quality=83, subsampling=1, dpi=(240, 240), icc_profile=ICC, comment=b"mine", xmp=XMP
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\x78\0\0"
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:]
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    source.write_bytes(data)
    picture = pictures.read(source)
    pictures.write(picture, picture.pixels, target)
    before, after = JpegImagePlugin.JpegImageFile(source), JpegImagePlugin.JpegImageFile(target)
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before) == 1
    for key in ("icc_profile", "comment", "dpi", "xmp"):
        assert after.info[key] == before.info[key]
    assert iptc in target.read_bytes()
    assert picture.icc == ICC and picture.xmp == XMP


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize(
    "coding", [{}, {"optimize": True}, {"progressive": True}, {"restart_marker_rows": 1}]
)
def test_jpeg_has_the_samples_that_pillow_sees(
    tmp_path: Path, mode: str, sampling: int, coding: dict[str, Any]
) -> None:
    """The quicker decoder gives the same, and the file is coded as it was: standard tables or its own."""
    pixels = np.random.default_rng(5).integers(0, 255, (67, 93, 3), np.uint8)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 2)
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).convert(mode).save(path, quality=80, subsampling=sampling, **coding)
    picture = pictures.read(path)
    assert np.array_equal(picture.pixels.squeeze(), np.asarray(Image.open(path)))
    again = pictures.encode(picture, picture.pixels, "jpeg")
    assert picture.source.optimised == bool({"optimize", "progressive"} & coding.keys())
    assert abs(len(again) - path.stat().st_size) < 0.02 * len(again) + 40


@pytest.mark.parametrize("quality", [1, 37, 50, 83, 100])
@pytest.mark.parametrize("sampling", [0, 1, 2])
def test_jpeg_without_pillow_has_the_bytes_of_pillow(
    quality: int, sampling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.open(SELFIE).resize((93, 67))
    picture = pictures.decode(pillow(image, "jpeg", quality=quality, subsampling=sampling))
    pixels = picture.pixels // 2 + 20
    assert jpeg._directly(pixels, picture.source) is not None
    directly = jpeg.write(picture, pixels)
    monkeypatch.setattr(jpeg, "_qualities", dict)
    assert jpeg._directly(pixels, picture.source) is None
    assert jpeg.write(picture, pixels) == directly


def test_jpeg_with_tables_of_its_own_keeps_them() -> None:
    """As cameras have them, which no quality leads to."""
    tables = [[3 + index // 4 for index in range(64)], [7] * 64]
    image = Image.open(SELFIE).resize((93, 67))
    picture = pictures.decode(pillow(image, "jpeg", qtables=tables))
    written = pictures.encode(picture, picture.pixels, "jpeg")
    assert list(JpegImagePlugin.JpegImageFile(io.BytesIO(written)).quantization.values()) == tables


def test_jpeg_with_adobe_marker_and_second_picture(tmp_path: Path) -> None:
    """A JPEG stored as RGB and one of a telephone with a second picture keep their colours."""
    image = Image.open(SELFIE).resize((160, 160))
    for name, data in (
        ("rgb.jpg", pillow(image, "jpeg", quality=95, keep_rgb=True)),
        ("mpo.jpg", pillow(image, "mpo", quality=95, save_all=True, append_images=[image.resize((80, 80))])),
    ):
        source, target = tmp_path / name, tmp_path / f"out-{name}"
        source.write_bytes(data)
        picture = pictures.read(source)
        assert np.abs(picture.pixels.astype(int) - np.asarray(image)).mean() < 3
        pictures.write(picture, picture.pixels, target)
        again = Image.open(target)
        assert again.format == "JPEG"
        assert np.abs(np.asarray(again.convert("RGB")).astype(int) - picture.pixels).mean() < 3


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_a_jpeg_travels_without_what_it_says(orientation: int, options: dict[str, Any]) -> None:
    """Another machine sees the picture, its profile and how it is turned; the result's file is as at home."""
    image = Image.open(SELFIE).resize((160, 120))
    secret = {"exif": b"Exif\0\0" + exif_block(orientation), "comment": b"secret", "xmp": XMP}
    data = pillow(image, "jpeg", quality=83, icc_profile=ICC, **secret, **options) + b"behind the picture"
    bare = jpeg.bare(data)
    assert (bare.width, bare.height) == image.size
    for word in (b"Camera", b"secret", b"kept", b"behind"):
        assert word in data and word not in bare.data
    here, there = pictures.decode(data), pictures.decode(bare.data)
    assert np.array_equal(here.pixels, there.pixels) and there.icc == ICC
    assert there.orientation == here.orientation == orientation
    changed = here.pixels // 2 + 20
    coded = pictures.encode(there, changed, "jpeg")
    lies = coded[:2] + b"\xff\xfe\0\x06lies" + coded[2:] + b"lies"
    assert jpeg.finished(lies, bare) == pictures.encode(here, changed, "jpeg")


def test_a_result_that_is_no_jpeg_of_the_pictures_size_is_refused() -> None:
    bare = jpeg.bare(pillow(Image.new("RGB", (64, 48)), "jpeg"))
    whole = pillow(Image.new("RGB", (64, 48)), "jpeg")
    assert jpeg.finished(whole, bare)
    low = pillow(Image.new("RGB", (64, 40)), "jpeg")
    frame = whole[whole.index(b"\xff\xc0") :][:19]
    comments = b"".join(
        struct.pack(">BBH", 0xFF, 0xFE, 2 + len(text)) + text for text in (bytes(0xFEFE), bytes(248) + frame)
    )
    hidden = low[:2] + b"\xff\xd0" + comments + low[2:]  # whoever takes FF D0 for a segment finds `frame`
    scans = pillow(Image.new("RGB", (64, 48)), "jpeg", progressive=True)
    assert jpeg.finished(scans, bare)
    at = scans.rindex(b"\xff\xda")
    between = scans[:at] + b"\xff\xe1\0\x0aExif\0\0me" + scans[at:]
    for other in (b"", b"MZ", whole[:-2], low, b"GIF" + whole, hidden, between):
        with pytest.raises(PictureError):
            jpeg.finished(other, bare)


def with_preview(block: bytes, preview: bytes) -> bytes:
    """The block with a second directory that holds a camera's preview, as JPEG."""
    first = exif.parse(block)
    assert first is not None
    link = 8 + 2 + 12 * len(first.entries)
    second = len(block)
    place = second + 2 + 2 * 12 + 4
    entries = (
        exif.Entry(513, exif.LONG, 1, struct.pack("<I", place)),
        exif.Entry(514, exif.LONG, 1, struct.pack("<I", len(preview))),
    )
    block = block[:link] + struct.pack("<I", second) + block[link + 4 :]
    return block + exif.serialise(entries, "<", second) + preview


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_preview_of_the_old_face_goes(tmp_path: Path, kind: str) -> None:
    """It is blanked where it stood; every other byte of the EXIF block stays, also in another format."""
    image = Image.open(SELFIE).resize((96, 64))
    preview = pillow(image.resize((16, 12)), "jpeg")
    plain = exif_block(6)
    source = tmp_path / f"in.{kind}"
    source.write_bytes(pillow(image, kind))
    add_exif(source, kind, with_preview(plain, preview))
    assert Image.open(io.BytesIO(preview)).size == (16, 12) and preview in source.read_bytes()
    picture = pictures.read(source)
    assert "preview" in picture.notes[0] and picture.exif is not None
    assert picture.exif[: len(plain)] == plain and preview[-60:] not in picture.exif
    assert len(picture.exif) == len(with_preview(plain, preview))
    for target in ("out.jpg", "out.png", "out.tif"):
        pictures.write(picture, picture.pixels, tmp_path / target)
        assert preview[-60:] not in (tmp_path / target).read_bytes()
        again = pictures.read(tmp_path / target)
        assert not again.notes and exif.parse(again.exif) is not None
    same = pictures.read(tmp_path / ("out.jpg" if kind == "jpeg" else "out.png"))
    assert same.exif == picture.exif and same.orientation == 6


@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_photoshops_preview_goes(tmp_path: Path, kind: str) -> None:
    """Its other resources stay, a caption among them."""
    caption = b"8BIM\x04\x04\x03abc\0\0\0\x05\x1c\x02\x78\0\0\0"
    preview = b"8BIM\x04\x0c\0\0\0\0\0\x07the old\0"
    image = Image.open(SELFIE).resize((32, 32))
    source, target = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    if kind == "jpeg":
        body = b"Photoshop 3.0\0" + caption + preview + caption
        data = pillow(image, "jpeg")
        source.write_bytes(data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:])
    else:
        body = caption + preview + caption
        tags = [(34377, 7, len(body), body, True)]
        tifffile.imwrite(source, np.asarray(image), photometric="rgb", metadata=None, extratags=tags)
    picture = pictures.read(source)
    assert "preview" in picture.notes[0]
    pictures.write(picture, picture.pixels, target)
    assert caption + caption in target.read_bytes() and b"the old" not in target.read_bytes()
    assert not pictures.read(target).notes


def test_preview_at_a_nonsensical_place(tmp_path: Path) -> None:
    """One that would lie over the tags themselves is unlinked only."""
    plain = exif_block(6)
    block = bytearray(with_preview(plain, b"x"))
    at = len(plain) + 2 + 8
    block[at : at + 4] = struct.pack("<I", 10)
    block[at + 12 : at + 16] = struct.pack("<I", 60)
    path = tmp_path / "a.jpg"
    path.write_bytes(pillow(Image.open(SELFIE).resize((32, 32)), "jpeg"))
    add_exif(path, "jpeg", bytes(block))
    picture = pictures.read(path)
    assert picture.orientation == 6 and exif.parse(picture.exif) == exif.parse(plain)


def test_png_keeps_chunks(tmp_path: Path) -> None:
    image = Image.open(SELFIE).resize((60, 40))
    coded = pillow(image, "png", icc_profile=ICC, dpi=(300, 300))
    text = (
        png.Chunk(b"tEXt", b"Author\0me").coded()
        + png.Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP).coded()
    )
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(coded[:33] + text + coded[33:])
    picture = pictures.read(source)
    assert picture.icc == ICC and picture.xmp == XMP
    assert picture.resolution == pytest.approx((300, 300), abs=0.1)
    pictures.write(picture, picture.pixels, target)
    before, after = Image.open(source), Image.open(target)
    after.load()
    assert after.info == before.info
    assert "Author" in after.info


def test_tiff_keeps_tags(tmp_path: Path) -> None:
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(
        source,
        samples("uint16", 3),
        photometric="rgb",
        iccprofile=ICC,
        resolution=((300, 1), (300, 1)),
        resolutionunit="inch",
        description="Gruss",
        software="camera 1.0",
        datetime="2020:01:02 03:04:05",
        metadata=None,
        extratags=[(700, 1, len(XMP), XMP, True), (33432, 2, 3, "me", True)],
    )
    picture = pictures.read(source)
    assert picture.icc == ICC and picture.xmp == XMP and picture.resolution == (300, 300)
    pictures.write(picture, picture.pixels, target)
    with tifffile.TiffFile(source) as one, tifffile.TiffFile(target) as two:
        for code in (270, 282, 283, 296, 305, 306, 700, 33432, 34675):
            assert two.pages[0].aspage().tags[code].value == one.pages[0].aspage().tags[code].value, code


def test_what_a_jpeg_has_no_room_for_is_told(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    for spaces, left_out in ((64_000, False), (70_000, True)):
        xmp = png.Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP + b" " * spaces).coded()
        coded = pillow(Image.open(SELFIE).resize((60, 40)), "png")
        path.write_bytes(coded[:33] + xmp + coded[33:])
        picture = pictures.read(path)
        told, kept = pictures.left_out(picture, "jpeg"), pictures.encode(picture, picture.pixels, "jpeg")
        assert (pictures.decode(kept).xmp is None) == left_out
        assert (told == ("Left out, because a JPEG has no room for it: the XMP packet.",)) == left_out
        assert not pictures.left_out(picture, "tiff")
    item = Item(str(path), str(tmp_path / "out.jpg"), "out.jpg")
    outcome = outcome_of(item, lambda *_: {"faces": [{"used": True}]})
    assert outcome["notes"] == list(told)


@pytest.mark.parametrize("order", ["<", ">"])
def test_bigtiff_keeps_tags(tmp_path: Path, order: Any) -> None:
    """Profile, orientation, text and EXIF's own directory; what is written is an ordinary TIFF."""
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(
        source,
        samples("uint16", 3),
        photometric="rgb",
        bigtiff=True,
        byteorder=order,
        iccprofile=ICC,
        description="Gruss",
        metadata=None,
        extratags=[(274, 3, 1, 6, True), (exif.EXIF - 1, 18, 1, 0, True)],
    )
    data = bytearray(source.read_bytes())
    place = len(data) + len(data) % 2
    pointer = data.index(struct.pack(order + "HHQQ", exif.EXIF - 1, 18, 1, 0))
    data[pointer : pointer + 2] = struct.pack(order + "H", exif.EXIF)  # tifffile does not write that one
    data[pointer + 12 : pointer + 20] = struct.pack(order + "Q", place)
    data += bytes(place - len(data)) + struct.pack(order + "QHHQIIQ", 1, 33434, 5, 1, 1, 60, 0)
    source.write_bytes(bytes(data))
    picture = pictures.read(source)
    assert picture.orientation == 6 and picture.icc == ICC and picture.pixels.shape == (53, 37, 3)
    pictures.write(picture, picture.pixels, target)
    assert target.read_bytes()[2:4] in (b"*\0", b"\0*")
    again = pictures.read(target)
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    assert again.orientation == 6 and again.icc == ICC
    block = exif.parse(again.exif)
    assert block is not None
    found = {entry.code: entry.value for entry in block.entries}
    assert found[270] == b"Gruss\0"
    assert found[exif.EXIF] == (exif.Entry(33434, 5, 1, struct.pack(order + "II", 1, 60)),)


@pytest.mark.parametrize("target", ["out.png", "out.tif", "out.jpg"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_other_format_is_upright_and_keeps_metadata(tmp_path: Path, kind: str, target: str) -> None:
    image = Image.open(SELFIE).resize((96, 64))
    source = tmp_path / "in"
    source.write_bytes(pillow(image, kind))
    add_exif(source, kind, exif_block(6))
    picture = pictures.read(source)
    pictures.write(picture, picture.pixels, tmp_path / target)
    again = pictures.read(tmp_path / target)
    assert again.orientation == (6 if again.format == picture.format else 1)
    assert again.pixels.shape == picture.pixels.shape == (96, 64, 3)
    block = exif.parse(again.exif)
    assert block is not None
    assert {271, exif.EXIF, exif.GPS} <= {entry.code for entry in block.entries}
    if target != "out.jpg":
        np.testing.assert_array_equal(again.pixels, picture.pixels)


def test_what_photoshop_adds_to_a_tiff_costs_a_jpeg_no_exif(tmp_path: Path) -> None:
    """Layers and resources, more than a JPEG's segment holds, stand beside the camera's words."""
    source, large = tmp_path / "in.tif", bytes(100_000)
    tags = [(271, 2, 0, "Camera", True), (34377, 7, len(large), large, True)]
    tifffile.imwrite(source, samples("uint8", 3), photometric="rgb", extratags=tags)
    picture = pictures.read(source)
    pictures.write(picture, picture.pixels, tmp_path / "out.jpg")
    assert Image.open(tmp_path / "out.jpg").getexif()[271] == "Camera"


def test_profile_survives_every_way(tmp_path: Path) -> None:
    image = Image.open(SELFIE).resize((32, 32))
    source = tmp_path / "in.png"
    source.write_bytes(pillow(image, "png", icc_profile=ICC, dpi=(300, 300)))
    for first in (".jpg", ".tif", ".png"):
        for second in (".jpg", ".tif", ".png"):
            one, two = tmp_path / f"one{first}", tmp_path / f"two{second}"
            picture = pictures.read(source)
            pictures.write(picture, picture.pixels, one)
            picture = pictures.read(one)
            pictures.write(picture, picture.pixels, two)
            again = pictures.read(two)
            assert again.icc == ICC
            assert again.resolution == pytest.approx((300, 300), abs=0.5)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("ending", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_jpeg(
    tmp_path: Path,
    cut: float,
    ending: bytes,
    progressive: bool,
    lenient: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where libjpeg would fill the rest with grey, and where a library made Pillow lenient."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    data = pillow(Image.open(SELFIE).resize((400, 500)), "jpeg", quality=90, progressive=progressive)
    assert "damaged" in refused(tmp_path / "a.jpg", data[: int(len(data) * cut)] + ending)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_jpeg_with_an_end_marker_in_its_middle(tmp_path: Path, cut: float, progressive: bool) -> None:
    """What stands behind it is not looked at by libjpeg, which makes grey of it."""
    data = pillow(Image.open(SELFIE).resize((400, 500)), "jpeg", quality=90, progressive=progressive)
    at = int(len(data) * cut)
    assert "ends too early" in refused(tmp_path / "a.jpg", data[:at] + b"\xff\xd9" + data[at + 2 :])


@pytest.mark.parametrize("progressive", [False, True])
def test_what_stands_behind_a_whole_jpeg_is_no_damage(tmp_path: Path, progressive: bool) -> None:
    """A telephone appends further pictures and films."""
    image = Image.new("RGB", (64, 64), (128, 128, 128))
    whole = pillow(image, "jpeg", progressive=progressive)
    path = tmp_path / "a.jpg"
    path.write_bytes(whole + whole + b"film\xff\xd9")
    assert pictures.read(path).pixels.shape == (64, 64, 3)


def test_grey_corner_is_no_damage(tmp_path: Path) -> None:
    image = Image.new("RGB", (256, 256), (128, 128, 128))
    image.paste(Image.open(SELFIE).resize((128, 128)), (0, 0))
    for progressive in (False, True):
        path = tmp_path / "a.jpg"
        path.write_bytes(pillow(image, "jpeg", quality=90, progressive=progressive))
        assert pictures.read(path).pixels.shape == (256, 256, 3)


@pytest.mark.parametrize("cut", [20, 40, 0.5, -20, -4])
def test_truncated_png(tmp_path: Path, cut: float) -> None:
    data = pillow(Image.open(SELFIE).resize((100, 80)), "png")
    at = int(len(data) * cut) if isinstance(cut, float) else cut
    assert "damaged" in refused(tmp_path / "a.png", data[:at])


@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
@pytest.mark.parametrize("cut", [0.3, 0.97])
def test_truncated_tiff(tmp_path: Path, compression: str | None, cut: float) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples("uint16", 3), photometric="rgb", compression=compression, rowsperstrip=8)
    data = stream.getvalue()
    assert "damaged" in refused(tmp_path / "a.tif", data[: int(len(data) * cut)])


def test_damaged_inside(tmp_path: Path) -> None:
    data = bytearray(pillow(Image.open(SELFIE).resize((100, 80)), "png"))
    data[len(data) // 2] ^= 0xFF
    assert "checksum" in refused(tmp_path / "a.png", bytes(data))


def test_no_picture_at_all(tmp_path: Path) -> None:
    assert "empty" in refused(tmp_path / "a.jpg", b"")
    assert "not a JPEG" in refused(tmp_path / "a.jpg", b"Dear Sir or Madam\n")
    image = Image.open(SELFIE).resize((16, 16))
    assert "a GIF" in refused(tmp_path / "a.jpg", pillow(image, "gif"))
    assert "an AVIF" in refused(tmp_path / "a.png", b"\0\0\0\x1cftypavif" + bytes(20))
    assert "a BMP" in refused(tmp_path / "a.png", pillow(image, "bmp"))
    with pytest.raises(PictureError, match="folder"):
        pictures.read(tmp_path)
    with pytest.raises(PictureError, match="cannot be read"):
        pictures.read(tmp_path / "none.jpg")


def test_kinds_that_are_refused(tmp_path: Path) -> None:
    image = Image.open(SELFIE).resize((16, 16))
    other = image.rotate(90)
    assert "CMYK" in refused(tmp_path / "a.jpg", pillow(image.convert("CMYK"), "jpeg"))
    assert "1 bit" in refused(tmp_path / "a.png", pillow(image.convert("1"), "png"))
    assert "indexed" in refused(tmp_path / "a.png", pillow(image.quantize(32), "png")), "as in GIMP"
    assert "animated" in refused(
        tmp_path / "a.png", pillow(image, "png", save_all=True, append_images=[other])
    )
    assert "2 pages" in refused(
        tmp_path / "a.tif", pillow(image, "tiff", save_all=True, append_images=[other])
    )
    assert "PALETTE" in refused(tmp_path / "a.tif", pillow(image.quantize(8), "tiff"))
    assert "SEPARATED" in refused(tmp_path / "a.tif", pillow(image.convert("CMYK"), "tiff"))
    assert "1-bit" in refused(tmp_path / "a.tif", pillow(image.convert("1"), "tiff"))
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples("float64", 3), photometric="rgb")
    assert "64-bit" in refused(tmp_path / "a.tif", stream.getvalue())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_a_number(tmp_path: Path, value: float) -> None:
    pixels = np.full((20, 30, 3), 0.5, np.float32)
    pixels[7, 11, 1] = pixels[9, 2, 0] = value
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb")
    assert "2 samples" in refused(tmp_path / "a.tif", stream.getvalue())
    with pytest.raises(PictureError, match="x 11, y 7"):
        pictures.read(tmp_path / "a.tif")
    pixels[7, 11, 1] = 0
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb")
    assert "One sample is not a number or infinite, at x 2, y 9." in refused(
        tmp_path / "a.tif", stream.getvalue()
    )


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_size_is_checked_before_decoding(tmp_path: Path, kind: str) -> None:
    """A header that promises 12 gigapixels over a few bytes of data costs nothing."""
    side = 60_000 if kind != "jpeg" else 65_000
    data = bytearray(pillow(Image.new("RGB", (8, 8)), kind))
    if kind == "png":
        head = png.Chunk(b"IHDR", struct.pack(">II", side, side) + bytes(data[24:29]))
        data[8:33] = head.coded()
    elif kind == "jpeg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", side, side)
    else:
        for tag in (256, 257):
            at = data.index(struct.pack("<HHI", tag, 4, 1))
            data[at + 8 : at + 12] = struct.pack("<I", side)
    assert f"{side} x {side}" in refused(tmp_path / "a", bytes(data), "too-large")


def test_one_pixel(tmp_path: Path) -> None:
    for kind in ("jpeg", "png", "tiff"):
        source = tmp_path / f"a.{kind}"
        source.write_bytes(pillow(Image.new("RGB", (1, 1), (10, 20, 30)), kind))
        picture = pictures.read(source)
        assert picture.pixels.shape == (1, 1, 3)
        pictures.write(picture, picture.pixels, tmp_path / f"b.{kind}")


@pytest.mark.parametrize(
    ("dtype", "channels", "name"),
    [
        ("uint16", 3, "a.jpg"),
        ("float32", 3, "a.jpg"),
        ("uint8", 4, "a.jpg"),
        ("float32", 3, "a.png"),
        ("uint8", 3, "a.gif"),
    ],
)
def test_format_that_cannot_hold_it(tmp_path: Path, dtype: str, channels: int, name: str) -> None:
    picture = Picture(samples(dtype, channels), "none")
    with pytest.raises(PictureError) as caught:
        pictures.write(picture, picture.pixels, tmp_path / name)
    assert caught.value.code == "bad-output" and caught.value.hint
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    picture = Picture(samples("uint8", 3), "none")
    (tmp_path / "taken.png").mkdir()
    (tmp_path / "taken.png" / "inside").touch()
    for target in (tmp_path / "none" / "a.png", tmp_path / "taken.png"):
        with pytest.raises(PictureError) as caught:
            pictures.write(picture, picture.pixels, target)
        assert caught.value.code == "bad-output"
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_broken_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for block in (b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"nonsense", exif_block(6)[:30]):
        path.write_bytes(pillow(Image.open(SELFIE).resize((32, 32)), "jpeg"))
        add_exif(path, "jpeg", block)
        assert pictures.read(path).orientation in (1, 6)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_any_garbled_file_is_read_or_refused(kind: str) -> None:
    """Whatever the bytes are, the outcome is a picture that can be written or a `PictureError`."""
    random = np.random.default_rng(5)
    whole = pillow(Image.open(SELFIE).resize((64, 48)), kind, icc_profile=ICC)
    outcomes = set()
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(0, random.choice([60, 300, len(data)]), 4):
            data[place] = random.integers(256)
        garbled = right_checksums(bytes(data)) if kind == "png" else bytes(data)
        try:
            picture = pictures.FORMATS[kind].read(garbled)
            pictures.encode(picture, picture.pixels, kind)
            outcomes.add("written")
        except PictureError as problem:
            outcomes.add(problem.code)
    assert {"written", "bad-image"} <= outcomes


def right_checksums(data: bytes) -> bytes:
    """A PNG whose chunks are garbled but add up, so that more than the checksum is tried."""
    mended, at = data[:8], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        mended += png.Chunk(data[at + 4 : at + 8], data[at + 8 : end]).coded()
        at = end + 4
    return mended


@pytest.mark.parametrize("shape", [(1, 9, 3), (9, 1, 1), (1, 1, 3)])
def test_a_turned_row_or_column_becomes_a_png(shape: tuple[int, int, int]) -> None:
    """A spoiled JPEG with such an orientation once met a refusal of the library."""
    for orientation in range(1, 9):
        source = Picture(np.zeros(shape, np.uint8), "jpeg", orientation)
        pixels = np.arange(20 * 20 * shape[2], dtype=np.uint8).reshape(20, 20, -1)[: shape[0], : shape[1]]
        stored = png.read(png.write(source, pixels)).pixels
        assert sorted(stored.ravel()) == sorted(pixels.ravel())
