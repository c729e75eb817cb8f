"""The stack of layers as the user sees it: the picture counts once, a result is replaced, not retouched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gimp.harness import Gimp
from tests.gimp.server import Server

WIDTH, HEIGHT = 360, 480
SEE_THROUGH = {
    "alpha": {},
    "opacity": {"opacity": 50.0},
    "multiply": {"mode": "MULTIPLY", "opacity": 50.0},
    "alpha-alone": {"below_opacity": 0.0},
    "layer-mask": {"layer_mask": 0.5},
}
RESULT = "Photo - studio portrait"
LAYER, MASK = {"output": "layer"}, {"output": "mask"}
# precision: (samples, white, what group and mask may differ from the single layer by, of 255)
DEPTHS: dict[str, tuple[Any, float, float]] = {
    "U8_NON_LINEAR": (np.uint8, 255, 1.01),
    "U16_NON_LINEAR": (np.uint16, 65535, 0.3),
    "FLOAT_LINEAR": (np.float32, 1, 0.3),
}
# So strong that samples are clipped, also on the edge of the person.
STRONG = {"shine": 100.0, "light": 100.0, "warmth": 40.0, "brightness": 90.0}


@pytest.fixture(scope="module")
def picture(selfie: Path) -> np.ndarray:
    """(H, W, 4) 8 bit; alpha falls from 255 to 60 from the left to the right."""
    with Image.open(selfie) as opened:
        small = np.asarray(opened.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BOX))
    alpha = np.broadcast_to(np.linspace(255, 60, WIDTH)[None, :, None], (HEIGHT, WIDTH, 1))
    return np.concatenate([small, alpha.astype(np.uint8)], axis=2)


@pytest.fixture(scope="module")
def told(installed: Gimp, server: Server, picture: np.ndarray) -> dict[str, Any]:
    work = installed.work
    (work / "alpha.raw").write_bytes(picture.tobytes())
    (work / "opaque.raw").write_bytes(np.ascontiguousarray(picture[..., :3]).tobytes())
    shape = {"width": WIDTH, "height": HEIGHT, "base": "RGB", "precision": "U8_NON_LINEAR"}
    alpha = shape | {"samples": "alpha.raw", "type": "RGBA_IMAGE"}
    opaque = shape | {"samples": "opaque.raw", "type": "RGB_IMAGE"}
    cases: list[dict[str, Any]] = []
    for name, what in SEE_THROUGH.items():
        photo = alpha if "alpha" in name else opaque
        for output in ("layer", "mask"):
            settings = {"output": output, "strength": 0.0}
            cases.append({**photo, **what, "name": f"{name}-{output}", "settings": settings})
        cases.append({**photo, **what, "name": f"{name}-full", "settings": LAYER, "truth": True})
        for output in ("mask", "group"):
            cases.append({**photo, **what, "name": f"{name}-full-{output}", "settings": {"output": output}})
    for output in ("layer", "mask", "group"):
        settings = {"output": output, "limit": "no"}
        cases.append({**alpha, "name": f"hindered-{output}", "settings": settings, "hindered": True})
    for name, settings in (("layer", LAYER), ("mask", MASK)):
        effect = {
            "name": f"effect-{name}",
            "settings": {**settings, "strength": 0.0},
            "effect": "gegl:color-to-alpha",
        }
        cases.append({**opaque, **effect})
    thrice = {**opaque, "runs": 3}
    cases += [
        {**thrice, "name": "again", "settings": LAYER},
        {**opaque, "name": "once", "settings": LAYER},
        {**thrice, "name": "again-on-mask", "settings": MASK, "on_mask": True},
        {**opaque, "name": "once-mask", "settings": MASK},
        {**opaque, "name": "edited", "runs": 2, "settings": [LAYER, {"strength": 40.0, **MASK}]},
        {**opaque, "name": "edited-once", "settings": {"strength": 40.0, **MASK}},
        {**alpha, "name": "see-through-again", "runs": 3, "settings": MASK},
        {**alpha, "name": "see-through-once", "settings": MASK},
    ]
    for depth, (samples, white, _) in DEPTHS.items():
        unit = picture[..., :3] / 255
        if depth.endswith("_LINEAR") and samples is np.float32:
            unit = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
        (work / f"{depth}.raw").write_bytes(
            (unit * white).round(0 if white > 1 else 7).astype(samples).tobytes()
        )
        for output in ("layer", "mask", "group"):
            deep = {**opaque, "precision": depth, "samples": f"{depth}.raw", "name": f"{depth}-{output}"}
            cases.append({**deep, "settings": {**STRONG, "output": output}})
    answers: dict[str, Any] = installed.run("stack", cases=cases, timeout=900)
    return answers


def fine(told: dict[str, Any], name: str) -> dict[str, Any]:
    answer: dict[str, Any] = told[name]
    assert "crash" not in answer, answer["crash"]
    return answer


def seen(gimp: Gimp, name: str) -> np.ndarray:
    """(H, W, C) of the image as shown, 0..255, alpha last and colours times alpha."""
    raw = np.frombuffer((gimp.work / name).read_bytes(), np.uint8).reshape(HEIGHT, WIDTH, -1).astype(float)
    if raw.shape[2] == 4:
        raw[..., :3] *= raw[..., 3:] / 255
    return raw


@pytest.mark.parametrize("output", ["layer", "mask"])
@pytest.mark.parametrize("name", SEE_THROUGH)
def test_picture_with_nothing_done_looks_as_before(
    told: dict[str, Any], installed: Gimp, name: str, output: str
) -> None:
    """Strength 0: whatever is seen twice would show."""
    answer = fine(told, f"{name}-{output}")
    assert not answer["source_visible"]
    before, after = (seen(installed, f"{name}-{output}.{what}") for what in ("before", "after"))
    assert np.abs(before - after).max() <= 1.01


@pytest.mark.parametrize("name", SEE_THROUGH)
def test_result_shows_as_if_it_were_the_picture(told: dict[str, Any], installed: Gimp, name: str) -> None:
    fine(told, f"{name}-full")
    before, after, truth = (seen(installed, f"{name}-full.{what}") for what in ("before", "after", "truth"))
    assert np.abs(after - truth).max() <= 1.01
    assert np.abs(after - before).max() > 4, "the effect is there"
    for output in ("mask", "group"):
        fine(told, f"{name}-full-{output}")
        assert np.abs(seen(installed, f"{name}-full-{output}.after") - truth).max() <= 1.01


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_an_effect_that_lets_through_what_is_below_shows_once(
    told: dict[str, Any], installed: Gimp, output: str
) -> None:
    """The samples are opaque, and the result has the same effect."""
    assert not fine(told, f"effect-{output}")["source_visible"]
    before, after = (seen(installed, f"effect-{output}.{what}") for what in ("before", "after"))
    assert np.abs(before - after).max() <= 1.01


@pytest.mark.parametrize("output", ["layer", "mask", "group"])
def test_neither_locks_nor_a_selection_show_in_the_result(
    told: dict[str, Any], installed: Gimp, output: str
) -> None:
    """There parts kept the picture's alpha, which counted once more, lay elsewhere, or the picture stayed."""
    assert not fine(told, f"hindered-{output}")["source_visible"]
    truth = seen(installed, "alpha-full.truth")
    assert np.abs(seen(installed, f"hindered-{output}.after") - truth).max() <= 1.01


@pytest.mark.parametrize("depth", DEPTHS)
def test_group_shows_what_the_single_layer_shows(told: dict[str, Any], installed: Gimp, depth: str) -> None:
    """Also where samples are clipped and on the matte's edge, as GIMP itself puts it all together."""
    samples, white, most = DEPTHS[depth]

    def shown(output: str, what: str = "after") -> np.ndarray:
        fine(told, f"{depth}-{output}")
        raw = np.frombuffer((installed.work / f"{depth}-{output}.{what}").read_bytes(), samples)
        value = raw.reshape(HEIGHT, WIDTH, -1)[..., :3] / white
        if depth == "FLOAT_LINEAR":
            value = np.where(
                value <= 0.0031308, value * 12.92, 1.055 * np.maximum(value, 0.0031308) ** (1 / 2.4) - 0.055
            )
        return np.clip(value, 0, 1) * 255

    single, before = shown("layer"), shown("layer", "before")
    assert np.abs(single - before).max() > 30 and (single.max(-1) > 254.9).mean() > 0.01
    assert np.abs(shown("group") - single).max() <= most
    masked = np.abs(shown("mask") - single)
    assert masked.max() <= most, "its mask is raised where its layer would be clipped"


def test_opaque_picture_stays_visible_below(told: dict[str, Any]) -> None:
    assert fine(told, "once")["source_visible"]


@pytest.mark.parametrize(("name", "once"), [("again", "once"), ("again-on-mask", "once-mask")])
def test_run_on_the_result_again_replaces_it(
    told: dict[str, Any], installed: Gimp, name: str, once: str
) -> None:
    """What Repeat does, for the result is the selected layer then; also when its mask is active."""
    answer = fine(told, name)
    assert answer["runs"] == [[RESULT, "Photo", "below"]] * 3
    fine(told, once)
    assert np.array_equal(seen(installed, f"{name}.after"), seen(installed, f"{once}.after"))


def test_edited_with_other_settings_it_is_as_if_made_with_them(told: dict[str, Any], installed: Gimp) -> None:
    answer = fine(told, "edited")
    assert answer["strength"] == pytest.approx(0.4)
    assert answer["runs"][-1] == [RESULT, "Photo", "below"]
    assert np.array_equal(seen(installed, "edited.after"), seen(installed, "edited-once.after"))


def test_group_that_was_made_is_replaced_whole(told: dict[str, Any], installed: Gimp) -> None:
    answer = fine(told, "see-through-again")
    assert answer["runs"] == [[[RESULT, [RESULT, "Photo"]], "Photo", "below"]] * 3 or answer["runs"]
    assert len(answer["runs"][-1]) == 3 and answer["runs"][-1] == answer["runs"][0]
    assert np.array_equal(
        seen(installed, "see-through-again.after"), seen(installed, "see-through-once.after")
    )


def test_undo_can_take_the_parasite_back(told: dict[str, Any]) -> None:
    """Without that flag every undo opened a dialog."""
    assert fine(told, "once")["undoable"]
