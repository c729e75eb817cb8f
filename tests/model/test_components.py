"""Components: together they are the network's y exactly, apart each moves what it is named after."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.inference import predictor
from model.inference.components import (
    Components,
    decompose,
    difference,
    stretched,
)
from model.inference.mattes import mattes
from model.inference.rendering import Place
from model.paper import equations
from model.paper.bilateral import filter_crop
from model.paper.colour import LUMINANCE, decode_srgb, encode_srgb
from tests.golden.pictures import PICTURES, reference
from tests.model.made import exported


def hdrnet(folder: Path) -> predictor.Painter:
    """HDRNet as just made: no weights of it are shipped."""
    exported(folder, architecture="hdrnet")
    found = predictor.load(device="cpu", folder=folder)
    assert isinstance(found, predictor.Painter)
    return found


@pytest.fixture(scope="module", params=["studio", "deepflash"])
def answer(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, Components]:
    """BL(x), the network's y and its components, of the selfie."""
    x = PICTURES["selfie"]()
    network = predictor.load(request.param, device="cpu")
    assert isinstance(network, predictor.Predictor)
    filtered = filter_crop(x)
    return filtered, network(filtered[None])[0], network.components(x[None])[0]


def made() -> tuple[np.ndarray, np.ndarray]:
    """BL(x) of the painted head and a y made of known parts: a tint, a fall-off of light, less shine."""
    crop = filter_crop(PICTURES["synthetic"]())
    person, _ = mattes(crop)
    matte = stretched(person[..., None], 512)
    down = np.linspace(-0.3, 0.3, 512, dtype=np.float32)[:, None, None]
    spot = np.exp(-((np.indices((512, 512)) - np.array([170, 256])[:, None, None]) ** 2).sum(0) / 450)[
        ..., None
    ]
    light = decode_srgb(crop) * (1 - 0.4 * spot * matte)
    light = light * np.exp(matte * np.array([0.2, 0, -0.2]) + matte * down)
    return crop, equations.target(crop, encode_srgb(light.astype(np.float32).clip(0, 1)))


def recombine(*given: Any, **settings: Any) -> np.ndarray:
    return (1 + difference(*given, **settings)) / 2


def test_all_together_are_the_networks_own_answer(answer: tuple[np.ndarray, np.ndarray, Components]) -> None:
    filtered, y, components = answer
    assert np.abs(recombine(components, filtered) - y).max() < 2e-6
    np.testing.assert_allclose(recombine(components, strength=0.25), 0.5 + (y - 0.5) / 4, atol=2e-6)


def test_nothing_of_everything_is_no_change_at_all(
    answer: tuple[np.ndarray, np.ndarray, Components],
) -> None:
    filtered, _, components = answer
    assert not difference(components, filtered, shine=0, light=0, colour=0).any()
    assert not difference(components, filtered, strength=0).any()


def test_forms(answer: tuple[np.ndarray, np.ndarray, Components]) -> None:
    _, _, components = answer
    assert components.colour.shape == (3,)
    for name, channels in {"light": 1, "shine": 3, "fill": 3, "rest": 3, "crop": 3}.items():
        part = getattr(components, name)
        assert part.dtype == np.float32 and part.shape == (len(part), len(part), channels)
    for matte in (components.person, components.skin):
        assert matte.ndim == 2 and matte.min() >= 0 and matte.max() <= 1
    assert (components.shine >= 0).all()
    assert components.rendering is None


def test_person_and_skin_are_where_the_selfie_has_them() -> None:
    person, skin = mattes(PICTURES["selfie"]())
    assert person[120:160, 108:148].min() > 0.95 and skin[70:80, 44:54].mean() > 0.9  # nose, cheek
    assert person[:80, :40].max() < 0.05 and person[20:100, -24:].max() < 0.05  # the walls
    assert person[230:, 80:180].mean() > 0.9 and skin[120:, 90:110].mean() < 0.1  # the shirt
    assert skin[50:56, 50:80].min() < 0.3  # eyes are no skin


@pytest.mark.parametrize("setting", ["shine", "light", "colour"])
def test_each_setting_moves_its_own(setting: str) -> None:
    """Taken to nothing, a part loses at least 80 % of what it does, the others at most 10 %."""
    crop, y = made()
    components = decompose(crop, y)
    person = stretched(components.person[..., None], 512)[..., 0] > 0.9
    after = {
        name: decode_srgb((crop - difference(components, **{name: 0} if name != "all" else {})).clip(0, 1))
        for name in ("all", setting)
    }
    before = decode_srgb(crop)
    y_axis, x_axis = np.indices((512, 512))
    spot = person & (np.hypot(y_axis - 170, x_axis - 256) < 14)
    beside = person & (np.abs(np.abs(x_axis - 256) - 62) < 8) & (np.abs(y_axis - 170) < 14)
    calm = person & (np.hypot(y_axis - 170, x_axis - 256) > 90) & (crop.max(-1) < 0.9) & (crop.min(-1) > 0.05)

    def measures(image: np.ndarray) -> dict[str, float]:
        change = np.log((image + 1e-3) / (before + 1e-3))
        luma = np.log((image @ LUMINANCE + 1e-3) / (before @ LUMINANCE + 1e-3))
        rows = np.array([luma[r][calm[r]].mean() for r in (200, 430)])
        return {
            "shine": luma[beside].mean() - luma[spot].mean(),
            "light": rows[1] - rows[0],
            "colour": change[calm][:, 0].mean() - change[calm][:, 2].mean(),
        }

    whole, without = measures(after["all"]), measures(after[setting])
    for name, value in whole.items():
        assert abs(value) > 0.1, name
        share = without[name] / value
        assert share < 0.2 if name == setting else share > 0.9, f"{name}: {share:.2f} without {setting}"


def test_another_size_gives_the_same_picture(answer: tuple[np.ndarray, np.ndarray, Components]) -> None:
    filtered, _, components = answer
    small = stretched(filtered, 256)
    shrunk = stretched(difference(components), 256)
    assert np.abs(difference(components, small) - shrunk).mean() < 1 / 255


def test_components_turn_with_the_picture(answer: tuple[np.ndarray, np.ndarray, Components]) -> None:
    _, _, components = answer
    turned = difference(components.turned(1), colour=0.5)
    np.testing.assert_allclose(turned, np.rot90(difference(components, colour=0.5)), atol=1e-4)


def test_warmth_is_on_the_person_only(answer: tuple[np.ndarray, np.ndarray, Components]) -> None:
    _, _, components = answer
    moved = difference(components) - difference(components, extra=(0.2, 0, -0.2))
    assert moved[230:330, 200:312, 0].mean() > 0.02 and moved[230:330, 200:312, 2].mean() < -0.02
    assert np.abs(moved[:100, :60]).max() < 1e-3


@pytest.mark.parametrize("name", ["hdrnet", "headshot"])
def test_painters_answer_alike(name: str, tmp_path: Path) -> None:
    x = PICTURES["selfie"]()
    painter = predictor.match([reference()]) if name == "headshot" else hdrnet(tmp_path)
    (components,) = painter.components(x[None])
    assert components.rendering is not None
    picture = components.rendering.rows(x, Place(0, 0, 512))
    np.testing.assert_allclose(equations.reconstruct(x, recombine(components)), picture, atol=1e-5)
