"""A stack of layers is the single layer, and each layer is one thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.inference.components import difference
from plugin.studio_portrait.link.wire import Settings
from server.imaging import analyse, layers, render
from server.imaging.layers import middle
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


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("mask", [False, True])
def test_the_stack_is_the_single_layer(selfie, sample, mask):
    pixels = with_alpha(as_sample(selfie[400:1200, 200:900], sample))
    before = pixels.copy()
    settings = Settings(strength=0.9, shine=0.7, light=0.8, warmth=-0.3, brightness=0.2, mask=mask)
    analysis = analyse(pixels, Everything())
    single = pixels.copy()
    result = render(single, analysis, settings)
    stack = pixels[..., :3].astype(np.float64)
    names = []
    for layer in layers(pixels, analysis, settings):
        box = layer.box
        names.append((layer.name, round(layer.opacity, 3)))
        assert box == result.box and layer.pixels.shape == (box.height, box.width, 3)
        place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        stack[place] += layer.opacity * (layer.pixels.astype(np.float64) - middle(pixels.dtype))
    assert names == [("shine", 0.63), ("light", 0.72), ("colour", 0.9), ("tone", 0.9)]
    assert np.array_equal(before, pixels)
    level = {"u8": 1, "u16": 1, "f32": 1e-5}[sample]
    assert np.abs(stack - single[..., :3]).max() <= level
    assert np.abs(stack - pixels[..., :3]).max() > 10 * level


def test_what_is_not_asked_for_has_no_layer(selfie):
    analysis = analyse(selfie, Everything())
    found = list(layers(selfie, analysis, Settings(shine=0, colour=0)))
    assert [layer.name for layer in found] == ["light"]
    assert not list(layers(selfie, analysis, Settings(strength=0)))
    assert not list(layers(selfie, analysis, Settings(faces=(3,))))
