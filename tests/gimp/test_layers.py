"""The filter in real GIMP, head-less, on layers of every kind that a retoucher has.

One GIMP runs all cases; each test judges the samples that it left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link.version import VERSION
from server.cli import main as cli
from tests.gimp.harness import Gimp
from tests.gimp.server import Server

WIDTH, HEIGHT = 480, 640
LEFT = (60, 120, 190, 300)  # with the face's middle
SELECTION = (60, 120, 200, 300)  # x, y, width, height in the image; about the left half of the face

# name: (base type, precision, layer type, dtype, channels, linear light)
FORMATS: dict[str, tuple[str, str, str, Any, int, bool]] = {
    "rgb8": ("RGB", "U8_NON_LINEAR", "RGB_IMAGE", np.uint8, 3, False),
    "rgba16": ("RGB", "U16_NON_LINEAR", "RGBA_IMAGE", np.uint16, 4, False),
    "float-linear": ("RGB", "FLOAT_LINEAR", "RGB_IMAGE", np.float32, 3, True),
    "half-perceptual": ("RGB", "HALF_PERCEPTUAL", "RGBA_IMAGE", np.float16, 4, False),
    "double": ("RGB", "DOUBLE_NON_LINEAR", "RGB_IMAGE", np.float64, 3, False),
    "u32": ("RGB", "U32_NON_LINEAR", "RGB_IMAGE", np.uint32, 3, False),
    "grey8": ("GRAY", "U8_NON_LINEAR", "GRAY_IMAGE", np.uint8, 1, False),
    "grey-float-linear": ("GRAY", "FLOAT_LINEAR", "GRAYA_IMAGE", np.float32, 2, True),
}
WITH_ALPHA = [name for name, kind in FORMATS.items() if kind[4] in (2, 4)]
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "group": ("rgb8", {"canvas": [700, 800], "offsets": [-20, 35]}),
    "selection": ("rgb8", {"selection": SELECTION, "feather": 10.0}),
    "selection-offset": ("rgb8", {"canvas": [700, 800], "offsets": [30, -10], "selection": SELECTION}),
    "adobe": ("rgb16", {"adobe": True}),
    "adobe-samples-as-srgb": ("rgb16", {"samples": "adobe.before"}),
    "srgb16": ("rgb16", {}),
    "mask": ("rgb8", {"settings": {"output": "mask"}}),
    "relight": ("rgb8", {"settings": {"reach": "frame"}}),
    "faces-in-selection": ("rgb8", {"selection": LEFT, "settings": {"faces": "selection"}}),
    "faces-in-it-and-limited": (
        "rgb8",
        {"selection": LEFT, "settings": {"faces": "selection", "limit": "yes"}},
    ),
    "typed-name": ("rgb8", {"settings": {"network": " Studio"}}),
    "half-strength": ("rgb8", {"settings": {"strength": 50.0}}),
    "zero-strength": ("rgb8", {"settings": {"strength": 0.0}}),
    **{f"zero-{kind}": (kind, {"settings": {"shine": 0.0, "light": 0.0, "colour": 0.0}}) for kind in FORMATS},
    "largest": ("rgb8", {"settings": {"faces": "largest"}}),
}


def _format(name: str) -> tuple[str, str, str, Any, int, bool]:
    if name == "rgb16":
        return ("RGB", "U16_NON_LINEAR", "RGB_IMAGE", np.uint16, 3, False)
    return FORMATS[name]


def _samples(picture: np.ndarray, dtype: Any, channels: int, linear: bool) -> np.ndarray:
    """The picture (H, W, 3, 0..255) in a layer's format, with some noise below 8 bits and alpha."""
    random = np.random.default_rng(7)
    unit = np.clip((picture + random.uniform(-0.4, 0.4, picture.shape)) / 255, 0, 1)
    if linear:
        unit = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    colour = unit @ np.array([[0.2126], [0.7152], [0.0722]]) if channels < 3 else unit
    if channels in (2, 4):
        alpha = random.uniform(0.97, 1, (*unit.shape[:2], 1))
        alpha[:100, :60] = random.uniform(0, 1, (100, 60, 1))  # above the shoulder, clear of the face
        colour = np.concatenate([colour, alpha], axis=2)
    if np.issubdtype(dtype, np.integer):
        return np.round(colour * np.iinfo(dtype).max).astype(dtype)
    return colour.astype(dtype)


class Results:
    """What GIMP left of each case."""

    def __init__(self, work: Path, told: dict[str, Any], formats: dict[str, str]):
        self._work = work
        self._told = told
        self._formats = formats

    def __getitem__(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = self._told[name]
        assert "crash" not in told, told["crash"]
        return told

    def samples(self, name: str, what: str) -> np.ndarray:
        """(H, W, C) of ``before``, ``after`` or ``new``; (H, W) of ``mask``."""
        raw = (self._work / f"{name}.{what}").read_bytes()
        _, _, _, dtype, channels, _ = _format(self._formats[name])
        if what == "mask":
            return np.frombuffer(raw, np.uint8).reshape(HEIGHT, WIDTH)
        return np.frombuffer(raw, dtype).reshape(HEIGHT, WIDTH, channels)

    def box(self, name: str) -> tuple[slice, slice]:
        """The part that may differ, as the parasite tells it."""
        box = json.loads(self[name]["parasite"])["box"]
        return slice(box["y"], box["y"] + box["height"]), slice(box["x"], box["x"] + box["width"])


@pytest.fixture(scope="module")
def picture(selfie: Path) -> np.ndarray:
    with Image.open(selfie) as opened:
        small = opened.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return np.asarray(small)


@pytest.fixture(scope="module")
def results(installed: Gimp, server: Server, picture: np.ndarray) -> Results:
    formats = {name: name for name in FORMATS} | {name: base for name, (base, _) in VARIANTS.items()}
    cases = []
    for name, kind in formats.items():
        base, precision, layer_type, dtype, channels, linear = _format(kind)
        file = installed.work / f"{kind}.raw"
        file.write_bytes(_samples(picture, dtype, channels, linear).tobytes())
        case = {"name": name, "samples": file.name, "width": WIDTH, "height": HEIGHT, "base": base}
        case |= {"precision": precision, "type": layer_type}
        cases.append(case | (VARIANTS[name][1] if name in VARIANTS else {}))
    told = installed.run("layers", cases=cases, timeout=600)
    return Results(installed.work, told, formats)


ALL = [*FORMATS, *VARIANTS]


@pytest.mark.parametrize("name", ALL)
def test_new_layer_is_right_above_and_original_untouched(results: Results, name: str) -> None:
    told = results[name]
    assert told["status"] == "success", told.get("message")
    assert told["name"] == "Photo - studio portrait"
    assert told["size"] == [WIDTH, HEIGHT]
    assert told["original_position"] == told["position"] + 1
    assert told["selected"] == [told["name"]]
    assert np.array_equal(results.samples(name, "before"), results.samples(name, "after"))


@pytest.mark.parametrize("name", ALL)
def test_only_the_box_differs_bit_for_bit(results: Results, name: str) -> None:
    before, new = results.samples(name, "before").copy(), results.samples(name, "new").copy()
    if name.startswith("zero-"):
        assert before.tobytes() == new.tobytes()
        return
    assert not np.array_equal(before, new), "nothing was retouched"
    before[results.box(name)] = new[results.box(name)] = 0
    assert np.array_equal(before, new)


@pytest.mark.parametrize("name", FORMATS)
def test_precision_stays_and_unchanged_samples_in_the_box_are_exact(results: Results, name: str) -> None:
    _, precision, _, _, _, _ = _format(name)
    assert results[name]["precision"] == precision.lower().replace("_", "-")
    before, new = results.samples(name, "before"), results.samples(name, "new")
    same = np.all(before == new, axis=2)[results.box(name)]
    # The feather's rim: a correction that rounds to nothing at 8 bits leaves the sample alone.
    assert 0 < np.mean(same) < 0.95 if name.endswith("8") else np.mean(same) < 0.95


@pytest.mark.parametrize("name", WITH_ALPHA)
def test_alpha_is_kept_exactly(results: Results, name: str) -> None:
    assert np.array_equal(results.samples(name, "before")[..., -1], results.samples(name, "new")[..., -1])


@pytest.mark.parametrize("name", ["rgba16", "float-linear", "half-perceptual", "double", "u32"])
def test_every_precision_gives_the_same_picture(results: Results, name: str) -> None:
    """The correction is the 8-bit layer's, but for the noise that was added below 8 bits."""
    _, _, _, dtype, _, linear = _format(name)
    new = results.samples(name, "new")[..., :3].astype(np.float64)
    if np.issubdtype(dtype, np.integer):
        new /= np.iinfo(dtype).max
    if linear:
        new = np.where(new <= 0.0031308, new * 12.92, 1.055 * np.maximum(new, 0) ** (1 / 2.4) - 0.055)
    difference = np.abs(255 * new - results.samples("rgb8", "new"))
    assert np.percentile(difference, 99) < (4.0 if name in WITH_ALPHA else 2.0), "alpha weighs in the crop"
    assert np.mean(difference) < 0.6


def test_layer_in_a_group_keeps_its_place(results: Results) -> None:
    told = results["group"]
    assert told["parent"] == "group"
    assert told["siblings"] == ["above", "Photo - studio portrait", "Photo", "below"]
    assert told["offsets"] == [-20, 35]
    assert np.array_equal(results.samples("group", "new"), results.samples("rgb8", "new"))


def test_selection_limits_the_effect(results: Results) -> None:
    new, before = results.samples("selection", "new"), results.samples("selection", "before")
    x, y, width, height = SELECTION
    outside = np.ones(new.shape[:2], bool)
    outside[y - 20 : y + height + 20, x - 20 : x + width + 20] = False  # the feather reaches about 15
    assert np.array_equal(new[outside], before[outside])
    inside = (slice(y + 30, y + height - 30), slice(x + 30, x + width - 30))
    full = results.samples("rgb8", "new")[inside].astype(int)
    assert np.abs(full - new[inside]).max() <= 1
    assert np.abs(full - before[inside]).max() > 8


def test_selection_is_in_the_image_not_in_the_layer(results: Results) -> None:
    new, before = results.samples("selection-offset", "new"), results.samples("selection-offset", "before")
    dx, dy = results["selection-offset"]["offsets"]
    changed = np.argwhere(np.any(new != before, axis=2))
    x, y, width, height = SELECTION
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert x - dx <= left and right < x - dx + width
    assert y - dy <= top and bottom < y - dy + height
    assert bottom >= y + height, "in the layer's coordinates the selection would end further up"


def test_choosing_faces_by_a_selection_does_not_limit_the_effect(results: Results) -> None:
    """A selection that holds half a face cut the face in two; to limit the effect is a choice of its own."""
    whole, before = results.samples("rgb8", "new"), results.samples("rgb8", "before")
    assert np.array_equal(results.samples("faces-in-selection", "new"), whole)
    limited = results.samples("faces-in-it-and-limited", "new")
    x, y, width, height = LEFT
    outside = np.ones(before.shape[:2], bool)
    outside[y : y + height, x : x + width] = False
    assert np.array_equal(limited[outside], before[outside])
    assert not np.array_equal(whole[outside], before[outside])


def test_networks_name_may_be_typed_in_capitals(results: Results) -> None:
    assert np.array_equal(results.samples("typed-name", "new"), results.samples("rgb8", "new"))


def test_colour_profile_is_honoured(results: Results) -> None:
    """An AdobeRGB image comes out like its sRGB original; its samples taken for sRGB do not.

    Not exactly like it: the correction is lifted in the image's own encoding.
    """
    box = results.box("srgb16")
    original = results.samples("srgb16", "new").astype(int)
    correction = original - results.samples("srgb16", "before")
    size = np.mean(np.abs(correction)[box])
    honoured = np.mean(np.abs(results.samples("adobe", "new-in-srgb") - original)[box])
    ignoring = results.samples("adobe-samples-as-srgb", "new").astype(int)
    ignored = ignoring - results.samples("adobe-samples-as-srgb", "before") - correction
    assert honoured < 0.1 * size
    assert np.mean(np.abs(ignored)[box]) > 1.5 * honoured


def test_mask_holds_the_limits_of_the_effect(results: Results) -> None:
    """The layer under its mask looks like the layer without one."""
    assert results["mask"]["mask"] and not results["rgb8"]["mask"]
    mask = results.samples("mask", "mask")
    rows, columns = results.box("mask")
    outside = np.ones(mask.shape, bool)
    outside[rows, columns] = False
    assert not mask[outside].any() and mask.max() == 255
    weight = mask[..., None] / 255
    seen = weight * results.samples("mask", "new") + (1 - weight) * results.samples("mask", "before")
    difference = np.abs(seen - results.samples("rgb8", "new"))
    # Three roundings, and a mask that is lifted to full size apart from the correction.
    assert np.percentile(difference, 99.9) < 2 and difference.max() < 8


def test_strength_scales_the_correction(results: Results) -> None:
    before = results.samples("rgb8", "before").astype(int)
    full = results.samples("rgb8", "new") - before
    half = results.samples("half-strength", "new") - before
    clear = np.abs(full) > 20
    assert np.median(half[clear] / full[clear]) == pytest.approx(0.5, abs=0.05)


def test_relight_reaches_the_whole_frame(results: Results) -> None:
    rows, columns = results.box("relight")
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, HEIGHT, 0, WIDTH)


@pytest.mark.parametrize("name", ["rgb8", "mask"])
def test_parasite_tells_how_the_layer_was_made(results: Results, server: Server, name: str) -> None:
    told = json.loads(results[name]["parasite"])
    assert results[name]["persistent"]
    status = server.status()
    assert status and told["weights"] == status["weights"] and told["network"] == status["network"]
    assert told["version"] == VERSION
    assert told["settings"]["strength"] == 1.0 and told["settings"]["mask"] == (name == "mask")
    assert [face["used"] for face in told["faces"]] == [True]


def test_same_pixels_as_the_command_line(
    results: Results, server: Server, picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_PORTRAIT_HOME", str(server.home))
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(results.samples("rgb8", "before")).save(source)
    assert cli.main(["retouch", str(source), "-o", str(target)]) == 0
    with Image.open(target) as opened:
        by_command = np.asarray(opened.convert("RGB")).astype(int)
    assert np.abs(by_command - results.samples("rgb8", "new")).max() <= 1


def test_openraster_of_the_command_line_shows_the_same_in_gimp(
    installed: Gimp, results: Results, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_PORTRAIT_HOME", str(server.home))
    source, target = tmp_path / "in.png", installed.work / "out.ora"
    Image.fromarray(results.samples("rgb8", "before")).save(source)
    assert cli.main(["retouch", str(source), "-o", str(target)]) == 0
    told = installed.run("opened", file=installed.inside(target))
    assert [layer["name"] for layer in told["layers"]][-3:] == ["Light", "Shine", "in"]
    modes = {layer["name"]: (layer["mode"], round(layer["opacity"])) for layer in told["layers"]}
    assert modes["Light"] == modes["Shine"] == ("hardlight", 60) and modes["in"] == ("normal", 100)
    raw = np.frombuffer((installed.work / "seen.raw").read_bytes(), np.uint8)
    off = np.abs(raw.reshape(HEIGHT, WIDTH, -1)[..., :3].astype(int) - results.samples("rgb8", "new"))
    # GIMP lets opacity and alpha count in linear light, where OpenRaster means the samples.
    assert np.percentile(off, 99) <= 2 and off.mean() < 0.4
