"""``studio-portrait retouch`` with everything real: server, worker, pipeline, network, a photograph."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from plugin.studio_portrait.link import runtime
from server.setup import weights
from tests.sample import SELFIE

ROWS, COLUMNS = 1100, 1000  # the photograph lies in the corner of a larger picture that stays untouched


class Real:
    """The command line with a server of its own, which the first call starts."""

    def __init__(self, home: Path):
        self.environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
        self.environment.pop("STUDIO_PORTRAIT_SERVER", None)

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "server", *(str(word) for word in words)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def retouch(self, *words: str | Path) -> tuple[int, dict[str, Any]]:
        result = self.run("retouch", *words, "--json")
        assert "Traceback" not in result.stderr
        return result.returncode, json.loads(result.stdout)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    real = Real(tmp_path_factory.mktemp("home"))
    yield real
    assert real.run("stop").returncode == 0


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """(1100, 1000, 3) uint8: the photograph at a quarter of its size in the corner, noise around it."""
    scene = np.random.default_rng(1).integers(60, 90, (ROWS, COLUMNS, 3), dtype=np.uint8)
    photo = np.asarray(Image.open(SELFIE).reduce(4))
    scene[: photo.shape[0], : photo.shape[1]] = photo
    return scene


def check(before: np.ndarray, after: np.ndarray, told: dict[str, Any]) -> None:
    """The face is changed visibly, everything at a distance from it not by one bit."""
    (face,) = told["faces"]
    x, y, width, height = (face["box"][name] for name in ("x", "y", "width", "height"))
    white = 1.0 if before.dtype.kind == "f" else float(np.iinfo(before.dtype).max)
    inside = np.s_[y : y + height, x : x + width]
    change = np.abs(after[inside].astype(float) - before[inside].astype(float)).mean() / white
    assert 0.005 < change < 0.3
    far = np.ones(before.shape[:2], bool)
    far[max(0, y - 2 * height) : y + 3 * height, max(0, x - 2 * width) : x + 3 * width] = False
    assert far.sum() > 50_000
    np.testing.assert_array_equal(after[far], before[far])


def test_sixteen_bit_png(real: Real, scene: np.ndarray, tmp_path: Path) -> None:
    before = scene.astype(np.uint16) * 257 + np.random.default_rng(2).integers(-100, 100, scene.shape).astype(
        np.uint16
    )
    (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(before, level=1))
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png")
    assert status == 0
    check(before, imagecodecs.png_decode((tmp_path / "out.png").read_bytes()), told)
    network = weights.networks()[0]  # the default one
    assert (told["network"], told["weights"]) == (network.name, network.sha256)
    assert {"read", "faces", "filter", "predict", "reconstruct", "total", "write"} <= set(told["ms"])


def test_float_tiff_with_alpha(real: Real, scene: np.ndarray, tmp_path: Path) -> None:
    alpha = np.random.default_rng(3).random((ROWS, COLUMNS, 1))
    before = np.concatenate([scene / 255, alpha], axis=2).astype(np.float32)
    tifffile.imwrite(tmp_path / "in.tif", before, photometric="rgb", extrasamples=["unassalpha"])
    status, told = real.retouch(tmp_path / "in.tif", "-o", tmp_path / "out.tif")
    assert status == 0
    after = tifffile.imread(tmp_path / "out.tif")
    check(before[:, :, :3], after[:, :, :3], told)
    np.testing.assert_array_equal(after[:, :, 3], before[:, :, 3])


def test_a_reference_portrait_is_matched(real: Real, scene: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "in.png")
    warm = (np.asarray(Image.open(SELFIE).reduce(2)) * [1.0, 0.8, 0.6]).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # stored lying on its side
    lying = Image.fromarray(warm).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "warm.jpg", quality=95, exif=exif)
    matched = ("--network", "headshot", "--reference", tmp_path / "warm.jpg")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", *matched)
    assert status == 0 and told["network"] == "headshot"
    after = np.asarray(Image.open(tmp_path / "out.png"))
    check(scene, after, told)
    x, y, width, height = (told["faces"][0]["box"][name] for name in ("x", "y", "width", "height"))
    faces = [picture[y : y + height, x : x + width].mean((0, 1)) for picture in (scene, after)]
    assert faces[1][0] / faces[1][2] > 1.08 * faces[0][0] / faces[0][2], "it leans towards the reference"


def test_a_reference_portrait_that_does_not_do(real: Real, scene: np.ndarray, tmp_path: Path) -> None:
    """All but the last are told before a server is asked."""
    Image.fromarray(scene).save(tmp_path / "in.png")
    Image.new("RGB", (400, 300)).save(tmp_path / "black.png")
    (tmp_path / "text.jpg").write_text("Dear Sir or Madam")
    for words, expected, sentence in (
        (["--network", "headshot"], 2, "needs a reference portrait"),
        (["--reference", tmp_path / "black.png"], 2, "this network does not use one"),
        (["--network", "headshot", "--reference", tmp_path / "none.jpg"], 2, "is not there"),
        (["--network", "headshot", "--reference", tmp_path / "text.jpg"], 2, "not a JPEG, PNG or TIFF"),
        (["--network", "headshot", "--reference", tmp_path / "black.png"], 1, "No face was found in the ref"),
    ):
        status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", *words)
        assert status == expected and told["error"]["code"] == "bad-setting"
        assert sentence in told["error"]["message"] and told["error"]["hint"]
    assert not (tmp_path / "out.png").exists()


def test_jpeg_stored_sideways(real: Real, tmp_path: Path) -> None:
    """The face is found upright, and the output is stored as the input was."""
    exif = Image.Exif()
    exif[274] = 6
    stored = Image.open(SELFIE).reduce(2).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "in.jpg", quality=95, exif=exif)
    status, told = real.retouch(tmp_path / "in.jpg", "-o", tmp_path / "out.jpg")
    assert status == 0 and told["faces"][0]["angle"] == 0
    after = Image.open(tmp_path / "out.jpg")
    assert after.size == stored.size and after.getexif()[274] == 6


def test_strength_nothing_changes_nothing(real: Real, tmp_path: Path) -> None:
    image = Image.open(SELFIE).reduce(2)
    image.save(tmp_path / "in.png")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", "--strength", "0")
    assert status == 0 and len(told["faces"]) == 1
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(image))


def hard_light(below: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """As the W3C's compositing and Krita have it."""
    return np.where(layer <= 0.5, 2 * below * layer, 1 - 2 * (1 - below) * (1 - layer))


def test_layers_in_one_file(real: Real, tmp_path: Path) -> None:
    """Put together as OpenRaster says, photograph and layers are the single result within one level."""
    image = Image.open(SELFIE).reduce(2)
    image.save(tmp_path / "in.png")
    words = ("--shine", "100", "--brightness", "60")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.ora", "--mattes", *words)
    assert status == 0 and len(told["faces"]) == 1
    assert real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", *words)[0] == 0
    with zipfile.ZipFile(tmp_path / "out.ora") as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert file.read("mimetype") == b"image/openraster"
        layers = list(ElementTree.fromstring(file.read("stack.xml")).iter("layer"))
        merged = imagecodecs.png_decode(file.read("mergedimage.png"))
        assert max(imagecodecs.png_decode(file.read("Thumbnails/thumbnail.png")).shape) == 256
        samples = [imagecodecs.png_decode(file.read(layer.attrib["src"])) for layer in layers]
    names = [(layer.attrib["name"], layer.attrib["visibility"]) for layer in layers]
    hidden = [("Person", "hidden"), ("Skin", "hidden")]
    shown = ["Warmth and brightness", "Colour", "Light", "Shine", "in"]
    assert names[:2] == hidden and [name for name, _ in names[2:]] == [
        n for n in shown if (n, "visible") in names
    ]
    assert {"Shine", "Light"} <= {name for name, _ in names}
    assert [layer.attrib["opacity"] for layer in layers if layer.attrib["name"] == "Light"] == ["0.6000"]
    stack = samples[-1] / 255
    np.testing.assert_array_equal(samples[-1], np.asarray(image))
    for layer, pixels in list(zip(layers, samples, strict=True))[-2:1:-1]:
        assert layer.attrib["composite-op"] == "svg:hard-light"
        left, top = int(layer.attrib["x"]), int(layer.attrib["y"])
        below = stack[top : top + pixels.shape[0], left : left + pixels.shape[1]]
        share = pixels[..., 3:] / 255 * float(layer.attrib["opacity"])
        below += share * (hard_light(below, pixels[..., :3] / 255) - below)
    single = np.asarray(Image.open(tmp_path / "out.png")).astype(float)
    # Where so much brightness clips, layers of 8 bit cannot say all: about ten pixels in a hundred thousand.
    for off in (np.abs(merged - single), np.abs(np.rint(stack * 255) - single)):
        assert np.percentile(off, 99.9) <= 1 and off.max() <= 12 and off.mean() < 0.2
    assert np.abs(single - np.asarray(image)).max() > 20


def test_mattes_beside_a_result(real: Real, tmp_path: Path) -> None:
    image = Image.open(SELFIE).reduce(4)
    image.save(tmp_path / "in.png")
    assert real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", "--mattes", "--mask")[0] == 0
    names = ["in.png", "out-mask.png", "out-person.png", "out-skin.png", "out.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    person, skin = (np.asarray(Image.open(tmp_path / f"out-{what}.png")) for what in ("person", "skin"))
    assert person.shape == skin.shape == (image.height, image.width)
    assert 0.02 < (skin > 128).mean() < (person > 128).mean() < 0.9


def test_settings_that_change_nothing_say_so(real: Real, tmp_path: Path) -> None:
    image = Image.open(SELFIE).reduce(4)
    image.save(tmp_path / "in.png")
    zero = [word for name in ("shine", "light", "colour") for word in (f"--{name}", "0")]
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", *zero)
    assert status == 0 and told["notes"] == ["These settings change nothing in this picture."]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(image))


def test_a_face_that_is_not_there(real: Real, tmp_path: Path) -> None:
    """As in GIMP, and not a copy of the picture that counts as done."""
    Image.open(SELFIE).reduce(4).save(tmp_path / "in.png")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", "--faces", "2,3")
    assert status == 1 and told["error"]["code"] == "no-face" and "there is one" in told["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("side", [1, 300])
def test_no_face(real: Real, tmp_path: Path, side: int) -> None:
    """Nothing is written, unless the whole frame is to be made brighter."""
    pixels = cv2.GaussianBlur(
        np.random.default_rng(4).integers(0, 255, (side, side, 3), dtype=np.uint8), (0, 0), 3
    )
    Image.fromarray(pixels.reshape(side, side, 3)).save(tmp_path / "in.png")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png")
    assert status == 1 and told["error"]["code"] == "no-face" and told["error"]["hint"]
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
    words = ("--reach", "frame", "--brightness", "30")
    status, told = real.retouch(tmp_path / "in.png", "-o", tmp_path / "out.png", *words)
    assert status == 0 and told["faces"] == []
    assert Image.open(tmp_path / "out.png").size == (side, side)
