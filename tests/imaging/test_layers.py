"""A stack of layers is the single layer, and each layer is one thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.inference.components import difference
from plugin.studio_portrait.link.wire import Box, Settings
from server.imaging import analyse, layers, render
from server.imaging.layers import middle
from server.imaging.reach import Selection
from tests.imaging.conftest import components_of
from tests.imaging.test_retouch import as_sample, with_alpha


class Everything:
    """Predicts shine, light and colour that differ from place to place, on pale greenish skin."""

    batch = 1

    def components(self, crops):
        down = np.linspace(0, 1, 64, dtype=np.float32)[:, None, None].repeat(64, 1)
        answers = []
        for crop in crops:
            pale = crop * 0 + np.float32([0.55, 0.62, 0.5])  # what the complexion is read from
            found = components_of(pale, pale * 0 + np.float32(0.5), skin=np.ones((8, 8), np.float32))
            found = replace(
                found,
                colour=np.float32([0.1, -0.04, 0.02]),
                light=0.4 * (down - 0.5),
                shine=0.05 * down.repeat(3, 2),
            )
            assert np.abs(difference(found)).max() > 0.05
            answers.append(found)
        return answers


def stacked(pixels, found, mask):
    """Photograph and layers as GIMP puts them together: the mode clips nothing, the mask counts last."""
    change = np.zeros(pixels.shape[:2] + (3,), np.float64)
    for layer in found:
        box = layer.box
        assert layer.pixels.shape == (box.height, box.width, 3) and layer.pixels.dtype == pixels.dtype
        place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        change[place] += layer.opacity * (layer.pixels.astype(np.float64) - middle(pixels.dtype))
    if mask is not None:
        change[place] *= mask[..., None] / 255
    return np.clip(
        pixels[..., :3] + change, 0, 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    )


@pytest.fixture(scope="module", params=["u8", "u16", "f32"])
def analysed(request, selfie):
    """Sample type, picture, and what was found out about it once."""
    pixels = with_alpha(as_sample(selfie[400:1200, 200:900], request.param))
    return request.param, pixels, analyse(pixels, Everything())


@pytest.mark.parametrize(
    ("how", "mask"),
    [("person", False), ("person", True), ("frame", True), ("clipped", True), ("selection", True)],
)
def test_the_stack_is_the_single_layer(analysed, how, mask):
    """Also where samples are clipped, on the matte's edge, and in the group's mask."""
    sample, pixels, analysis = analysed
    before = pixels.copy()
    more = {"strength": 1.0, "brightness": 1.0} if how == "clipped" else {"brightness": 0.2}
    settings = Settings(**{"strength": 0.9, "shine": 0.7, "light": 0.8, "warmth": -0.3, **more})
    settings = replace(settings, reach="frame" if how == "frame" else "person")
    box = Box(100, 150, 300, 400)
    shown = np.random.default_rng(1).integers(0, 256, (400, 300)).astype(np.uint8)
    selection = Selection(box, shown) if how == "selection" else None
    single = pixels.copy()
    result = render(single, analysis, settings, selection=selection)
    masked = replace(settings, mask=mask)
    cover = render(pixels.copy(), analysis, masked, selection=selection).mask if mask else None
    found = list(layers(pixels, analysis, masked, selection=selection))
    strength = settings.strength
    expected = [("shine", 0.7), ("light", 0.8), ("colour", 0.6), ("tone", 1)]
    assert [(layer.name, layer.opacity) for layer in found] == [
        (name, pytest.approx(slider * strength)) for name, slider in expected
    ]
    assert np.array_equal(before, pixels) and all(layer.box == result.box for layer in found)
    stack = stacked(pixels, found, cover)
    level = {"u8": 1, "u16": 1.5, "f32": 1e-5}[sample]
    assert np.abs(stack - single[..., :3]).max() <= level
    assert np.abs(stack - pixels[..., :3]).max() > 10 * level
    if how == "clipped":
        assert (single[..., :3] == np.max(single[..., :3])).any(-1).mean() > 0.01


def test_what_is_not_asked_for_has_no_layer(selfie):
    analysis = analyse(selfie, Everything())
    found = list(layers(selfie, analysis, Settings(shine=0, colour=0)))
    assert [layer.name for layer in found] == ["light"]
    assert not list(layers(selfie, analysis, Settings(strength=0)))
    assert not list(layers(selfie, analysis, Settings(faces=(3,))))
